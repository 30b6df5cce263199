"""Two answers to one question, from two tabs or browsers: both are shown, and the person chooses."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from blocks.errors import SomaError
from ui.wire_intake import SessionDetail
from ui.wizard.held import again, hold
from ui.wizard.shown import shown
from ui.wizard.trouble import say
from ui.wizard.visitor import hub


def note(session: SessionDetail, answers: Mapping[str, Any]) -> None:
    """Read what somebody has answered meanwhile, and keep what was typed here beside it."""
    now = again(session.id)
    theirs = {question.id: question.answer for step in now.steps for question in step.questions}
    mine = {name: value for name, value in answers.items() if name in theirs and theirs[name] != value}
    st.session_state[f"met-{session.id}"] = mine
    anew(session)


def show(session: SessionDetail) -> bool:
    """Let the person choose, if there is something to choose; whether there is."""
    mine: Mapping[str, Any] = st.session_state.get(f"met-{session.id}", {})
    if not mine:
        return False
    questions = {question.id: question for step in session.steps for question in step.questions}
    known = {name: value for name, value in mine.items() if name in questions}
    st.warning("This was answered otherwise meanwhile, in another tab or browser. Which answer is right?")
    rows = [
        {"question": questions[name].text, "there now": questions[name].answer, "yours": value}
        for name, value in known.items()
    ]
    st.html(shown(rows))
    with st.container(horizontal=True, key="met"):
        if st.button("Keep what is there now", key="theirs"):
            _done(session)
        if st.button("Take mine", key="mine"):
            _take(session, known)
    return True


def _take(session: SessionDetail, mine: Mapping[str, Any]) -> None:
    try:
        hold(hub().answer_session(session.id, mine, version=session.version))
    except SomaError as error:
        say(error)
    else:
        _done(session)


def _done(session: SessionDetail) -> None:
    st.session_state.pop(f"met-{session.id}", None)
    anew(session)
    st.rerun()


def anew(session: SessionDetail) -> None:
    """Fill the fields from the hub's answers again, not from what stands in them."""
    st.session_state[f"round-{session.id}"] = rounds(session) + 1


def rounds(session: SessionDetail) -> int:
    """How often that was done."""
    found: int = st.session_state.get(f"round-{session.id}", 0)
    return found

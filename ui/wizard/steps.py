"""The blueprint's questions, one step at a time; every answer is kept in the hub as soon as it is given."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from blocks.errors import BadInput, Conflict, SomaError, Unavailable
from ui.wire_intake import AskedQuestion, SessionDetail, Step
from ui.wizard import met
from ui.wizard.held import hold
from ui.wizard.questions import ask
from ui.wizard.trouble import say
from ui.wizard.visitor import hub
from ui.wizard.words import e, label

PLAN = "\0plan"
"""Where one is after the last step; no step is called so."""


def asked_steps(session: SessionDetail) -> list[Step]:
    """The steps that ask something, given the answers so far."""
    return [step for step in session.steps if step.asked]


def at(session: SessionDetail) -> str:
    """The title of the step where the person is, or `PLAN`."""
    titles = [step.title for step in asked_steps(session)]
    here: str | None = st.session_state.get(f"at-{session.id}", session.step)
    if here == PLAN or not titles:
        return PLAN
    return here if here in titles else titles[0]


def move(session: SessionDetail, where: str) -> None:
    st.session_state[f"at-{session.id}"] = where


def forget(session: SessionDetail) -> None:
    """Begin at the first step: the questions are others now."""
    st.session_state.pop(f"at-{session.id}", None)
    st.session_state.pop(f"wrong-{session.id}", None)
    met.anew(session)


def trail(session: SessionDetail) -> None:
    """Where one is among the steps, and the way back to those before."""
    here = at(session)
    titles = [step.title for step in asked_steps(session)]
    names = [*titles, PLAN]
    place = names.index(here)
    parts = [
        f'<li class="{"here" if name == here else "past" if number < place else "ahead"}">'
        f"{e('Plan and launch' if name == PLAN else name or 'Questions')}</li>"
        for number, name in enumerate(names)
    ]
    st.html(f'<ol class="trail">{"".join(parts)}</ol>')


def show(session: SessionDetail) -> None:
    """The step where the person is."""
    tell()
    steps = asked_steps(session)
    place = [step.title for step in steps].index(at(session))
    step = steps[place]
    wrong = _wrong(session)
    answers = {
        question.id: ask(question, _key(session, question), partial(_problem, wrong, question.id))
        for question in step.asked
    }
    if met.show(session):
        return
    if _went_on(session, steps, place, answers):
        return
    changed = {
        question.id: answers[question.id]
        for question in step.asked
        if _differs(question, answers[question.id]) and not _problem(wrong, question.id, answers[question.id])
    }
    if changed:
        _keep_quietly(session, step, changed)


def _went_on(session: SessionDetail, steps: list[Step], place: int, answers: Mapping[str, Any]) -> bool:
    """The buttons; whether one of them was pressed."""
    with st.container(horizontal=True, key="ways"):
        back = place > 0 and st.button("Back", key="back")
        on = st.button("Next", type="primary", key="next")
    if back:
        move(session, steps[place - 1].title)
        st.rerun()
    if on:
        _next(session, steps[place].title, answers)
    return on


def _wrong(session: SessionDetail) -> Mapping[str, tuple[Any, str]]:
    """The answers that were not taken, and why."""
    found: Mapping[str, tuple[Any, str]] = st.session_state.get(f"wrong-{session.id}", {})
    return found


def _problem(wrong: Mapping[str, tuple[Any, str]], question: str, answer: Any) -> str | None:
    """What is wrong with the answer, until it is changed."""
    refused, message = wrong.get(question, (None, ""))
    return message if message and refused == answer else None


def _differs(question: AskedQuestion, answer: Any) -> bool:
    """Whether what stands there is other than what the hub has; a default that stands is no answer yet."""
    known = question.default if question.answer is None else question.answer
    return bool(answer != (known or None if isinstance(known, str | list) else known))


def _keep_quietly(session: SessionDetail, step: Step, changed: Mapping[str, Any]) -> None:
    """Keep what was just answered, so that it is there when the page is not."""
    try:
        now = hub().answer_session(session.id, changed, version=session.version, step=step.title)
    except BadInput as error:
        _note(session, changed, error)
    except Conflict:
        met.note(session, changed)
    except Unavailable:
        st.html('<p class="faint">Not kept yet: the hub does not answer. It is kept with the next step.</p>')
        return
    else:
        hold(now)
        if _questions_of(now) == _questions_of(session):
            return
    st.rerun()


def _next(session: SessionDetail, title: str, answers: Mapping[str, Any]) -> None:
    """Keep the answers of this step, those that were only looked at too, and go on where none is wrong."""
    try:
        now = hub().answer_session(session.id, answers, version=session.version, step=title)
    except BadInput as error:
        _note(session, answers, error)
    except Conflict:
        met.note(session, answers)
    except SomaError as error:
        say(error)
        return
    else:
        hold(now)
        _after(now, title, answers)
    st.rerun()


def _after(now: SessionDetail, title: str, answers: Mapping[str, Any]) -> None:
    """Where to go after the step of this title, all of whose answers are kept."""
    steps = asked_steps(now)
    step = next((step for step in steps if step.title == title), None)
    own = {question.id for question in step.asked} if step else set()
    wrong = {
        problem.question: (answers.get(problem.question), problem.message)
        for problem in now.problems
        if problem.question in own
    }
    st.session_state[f"wrong-{now.id}"] = wrong
    if wrong:
        return
    later = [item.title for item in steps]
    place = later.index(title) + 1 if title in later else 0
    move(now, later[place] if place < len(later) else PLAN)


def _note(session: SessionDetail, answers: Mapping[str, Any], error: BadInput) -> None:
    """Show what is wrong beside the questions that it is about."""
    problems = error.fields.get("problems") or []
    wrong = {
        str(item["question"]): (answers.get(item["question"]), str(item["message"]))
        for item in problems
        if isinstance(item, Mapping) and item.get("question")
    }
    st.session_state[f"wrong-{session.id}"] = wrong
    if not wrong:
        note(error.message)


def note(text: str) -> None:
    """Have something told on the next page."""
    st.session_state["told-next"] = text


def tell() -> None:
    """Tell it."""
    if text := st.session_state.pop("told-next", None):
        st.warning(label(text))


def _key(session: SessionDetail, question: AskedQuestion) -> str:
    return f"{session.id}-{met.rounds(session)}-{question.id}"


def _questions_of(session: SessionDetail) -> list[list[str]]:
    return [[question.id for question in step.asked] for step in session.steps]

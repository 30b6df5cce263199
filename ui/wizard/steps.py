"""The blueprint's questions, one step at a time; every answer is kept in the hub as soon as it is given."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from blocks.errors import BadInput, Conflict, SomaError
from ui.wire_intake import AskedQuestion, SessionDetail, Step
from ui.wizard.held import again, hold
from ui.wizard.questions import ask
from ui.wizard.trouble import say
from ui.wizard.visitor import hub
from ui.wizard.words import cut, e, label

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
    _anew(session)


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
    wrong: Mapping[str, str] = st.session_state.get(f"wrong-{session.id}", {})
    answers = {
        question.id: ask(question, _key(session, question), wrong.get(question.id)) for question in step.asked
    }
    changed = {
        question.id: answers[question.id]
        for question in step.asked
        if _differs(question, answers[question.id])
    }
    _buttons(session, steps, place, answers)
    if changed and not wrong.keys() & changed.keys():
        _keep_quietly(session, step, changed)


def _buttons(session: SessionDetail, steps: list[Step], place: int, answers: Mapping[str, Any]) -> None:
    with st.container(horizontal=True, key="ways"):
        if place and st.button("Back", key="back"):
            move(session, steps[place - 1].title)
            st.rerun()
        if st.button("Next", type="primary", key="next"):
            _next(session, steps[place].title, answers)


def _differs(question: AskedQuestion, answer: Any) -> bool:
    """Whether what stands there is other than what the hub has; a default that stands is no answer yet."""
    known = question.default if question.answer is None else question.answer
    return answer != (known or None if isinstance(known, str | list) else known)


def _keep_quietly(session: SessionDetail, step: Step, changed: Mapping[str, Any]) -> None:
    """Keep what was just answered, so that it is there when the page is not."""
    try:
        now = hub().answer_session(session.id, changed, version=session.version, step=step.title)
    except BadInput as error:
        _note(session, error)
    except Conflict as error:
        _meet(session, changed, error)
    except SomaError:
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
        _note(session, error)
        st.rerun()
    except Conflict as error:
        _meet(session, answers, error)
        st.rerun()
    except SomaError as error:
        say(error)
        return
    hold(now)
    _after(now, title)
    st.rerun()


def _after(now: SessionDetail, title: str) -> None:
    """Where to go after the step of this title, all of whose answers are kept."""
    steps = asked_steps(now)
    step = next((step for step in steps if step.title == title), None)
    own = {question.id for question in step.asked} if step else set()
    wrong = {problem.question: problem.message for problem in now.problems if problem.question in own}
    st.session_state[f"wrong-{now.id}"] = wrong
    if wrong:
        return
    later = [item.title for item in steps]
    place = later.index(title) + 1 if title in later else 0
    move(now, later[place] if place < len(later) else PLAN)


def _note(session: SessionDetail, error: BadInput) -> None:
    """Show what is wrong beside the questions that it is about."""
    problems = error.fields.get("problems") or []
    wrong = {
        item["question"]: item["message"]
        for item in problems
        if isinstance(item, Mapping) and item.get("question")
    }
    st.session_state[f"wrong-{session.id}"] = wrong
    if not wrong:
        st.session_state["told-next"] = error.message


def _meet(session: SessionDetail, answers: Mapping[str, Any], error: Conflict) -> None:
    """Somebody has answered otherwise meanwhile: show theirs, and say what was typed here."""
    now = again(session.id)
    told = {question.id: question for step in now.steps for question in step.questions}
    mine = [
        f"“{cut(told[name].text, 80)}”: you had {cut(value, 200)!r}"
        for name, value in answers.items()
        if name in told and value is not None and told[name].answer != value
    ]
    st.session_state["told-next"] = ". ".join(
        [error.message.rstrip("."), "What you see now is what the hub has", *mine]
    )
    _anew(session)


def note(text: str) -> None:
    """Have something told on the next page."""
    st.session_state["told-next"] = text


def tell() -> None:
    """Tell it."""
    if text := st.session_state.pop("told-next", None):
        st.warning(label(text))


def _anew(session: SessionDetail) -> None:
    """Fill the fields from the hub's answers again, not from what stands in them."""
    name = f"round-{session.id}"
    st.session_state[name] = st.session_state.get(name, 0) + 1


def _key(session: SessionDetail, question: AskedQuestion) -> str:
    return f"{session.id}-{st.session_state.get(f'round-{session.id}', 0)}-{question.id}"


def _questions_of(session: SessionDetail) -> list[list[str]]:
    return [[question.id for question in step.asked] for step in session.steps]

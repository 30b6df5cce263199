"""One question of a blueprint as something to type into or to choose from."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import streamlit as st

from ui.cli.terminal import plain
from ui.wire_intake import AskedQuestion, Option
from ui.wizard.words import e, label, lines

FEW = 6
"""Up to so many options are all shown; more are in a list."""
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
YES_NO = {True: "Yes", False: "No"}


def ask(question: AskedQuestion, key: str, problem: Callable[[Any], str | None]) -> Any:
    """Ask it, and return the present answer as JSON; `problem` says what is wrong with an answer."""
    with st.container(key=f"q-{key}", gap="xsmall"):
        st.html(_asked(question))
        answer = _widget(question, key)
        if said := problem(answer):
            st.html(f'<p class="problem" role="alert">{e(said)}</p>')
    return answer


def _asked(question: AskedQuestion) -> str:
    optional = "" if question.required else ' <span class="faint">optional</span>'
    text = f'<p class="question">{e(question.text)}{optional}</p>'
    helping = " ".join(filter(None, [question.help, _bounds(question)]))
    shown_help = f'<p class="help">{lines(helping)}</p>' if helping else ""
    guess = ""
    if question.guessed:
        guess = f'<p class="guess">Filled in: {e(question.guessed)}. Please check it.</p>'
    return text + shown_help + guess


def _bounds(question: AskedQuestion) -> str:
    low, high = question.min, question.max
    if low is None and high is None:
        return ""
    unit = {"text": " characters", "long_text": " characters", "multi_select": " choices"}.get(
        question.type, ""
    )
    if low is not None and high is not None:
        return f"From {_number(low)} to {_number(high)}{unit}."
    return f"At least {_number(low)}{unit}." if low is not None else f"At most {_number(high)}{unit}."


def _number(bound: float | date | None) -> str:
    return f"{bound:g}" if isinstance(bound, int | float) else str(bound)


def _widget(question: AskedQuestion, key: str) -> Any:
    present = question.default if question.answer is None else question.answer
    name = label(question.text)
    if question.type in {"select", "multi_select"}:
        choose = _one_of if question.type == "select" else _some_of
        return choose(question.options, name, present, key)
    return FREE[question.type](name, present, key)


def _short(name: str, present: Any, key: str) -> str | None:
    return _text(st.text_input(name, _string(present), key=key, label_visibility="collapsed"))


def _long(name: str, present: Any, key: str) -> str | None:
    return _text(st.text_area(name, _string(present), key=key, height=160, label_visibility="collapsed"))


def _any_number(name: str, present: Any, key: str) -> float | None:
    value = float(present) if isinstance(present, int | float) else None
    return st.number_input(name, value=value, key=key, label_visibility="collapsed")


def _whole_number(name: str, present: Any, key: str) -> int | None:
    value = int(present) if isinstance(present, int | float) else None
    return st.number_input(name, value=value, step=1, key=key, label_visibility="collapsed")


def _yes_or_no(name: str, present: Any, key: str) -> bool | None:
    return st.radio(
        name,
        [True, False],
        index=[True, False].index(present) if isinstance(present, bool) else None,
        format_func=YES_NO.__getitem__,
        horizontal=True,
        key=key,
        label_visibility="collapsed",
    )


def _string(present: Any) -> str:
    return present if isinstance(present, str) else "" if present is None else str(present)


def _text(typed: str | None) -> str | None:
    return typed.strip() or None if typed else None


def _date(name: str, present: Any, key: str) -> str | None:
    try:
        value = date.fromisoformat(present) if isinstance(present, str) else None
    except ValueError:
        value = None
    chosen = st.date_input(
        name, value, min_value=EARLIEST, max_value=LATEST, key=key, label_visibility="collapsed"
    )
    return chosen.isoformat() if isinstance(chosen, date) else None


def _one_of(options: list[Option], name: str, present: Any, key: str) -> str | None:
    known = {option.value: option for option in options}
    values = list(known)
    index = values.index(present) if present in values else None
    if len(values) > FEW:
        return st.selectbox(
            name,
            values,
            index=index,
            format_func=lambda value: plain(known[value].label),
            key=key,
            label_visibility="collapsed",
            placeholder="Choose one",
        )
    return st.radio(
        name,
        values,
        index=index,
        format_func=lambda value: label(known[value].label),
        captions=[label(option.help) for option in options] if any(o.help for o in options) else None,
        key=key,
        label_visibility="collapsed",
    )


def _some_of(options: list[Option], name: str, present: Any, key: str) -> list[str] | None:
    known = {option.value: option for option in options}
    chosen = [value for value in present if value in known] if isinstance(present, list) else []
    return (
        st.multiselect(
            name,
            list(known),
            chosen,
            format_func=lambda value: plain(known[value].label),
            key=key,
            label_visibility="collapsed",
            placeholder="Choose some",
        )
        or None
    )


FREE: Mapping[str, Callable[[str, Any, str], Any]] = {
    "text": _short,
    "long_text": _long,
    "number": _any_number,
    "integer": _whole_number,
    "date": _date,
    "boolean": _yes_or_no,
}
"""How answers that are not chosen from options are typed, by the question's type."""

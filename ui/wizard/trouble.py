"""What a page says when something went wrong: a sentence, and what can be done."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from blocks.errors import Forbidden, NotFound, Refusal, SomaError, Unauthenticated, Unavailable
from ui.wizard import present
from ui.wizard.links import link
from ui.wizard.words import label

AGAIN = 3.0
"""Seconds between two tries to reach a gateway that is away."""


@contextmanager
def told() -> Iterator[None]:
    """A page whose errors are told in place of what could not be shown."""
    try:
        yield
    except Unauthenticated:
        st.html('<p class="lead">Your sign-in has ended. <a href="/sign-in" target="_self">Sign in</a></p>')
    except Unavailable as error:
        away(error)
    except NotFound as error:
        st.warning(label(error.message))
        link("Go to the projects", "projects")
    except SomaError as error:
        say(error)


def say(error: SomaError) -> None:
    """One error in words."""
    if isinstance(error, Unavailable):
        st.error("The hub does not answer. What you typed is kept here; try again in a moment.")
    elif isinstance(error, Refusal):
        st.error(f"Refused: {label(error.message)}")
    elif isinstance(error, Forbidden):
        st.warning(f"You may not do this: {label(error.message)}")
    else:
        st.error(label(_sentence(error)))


def away(error: Unavailable) -> None:
    """Say that the hub does not answer, and come back as soon as it does."""
    st.error("The hub does not answer. This page comes back by itself as soon as it does.")
    with st.expander("What was tried"):
        st.text(error.message)
    st.button("Try again", key="try-again")
    _look_again()


@st.fragment(run_every=AGAIN)
def _look_again() -> None:
    try:
        with present.sign_ins().stranger() as client:
            client.alive()
    except SomaError:
        return
    if st.session_state.get("away-told"):
        st.session_state["away-told"] = False
        st.rerun()
    st.session_state["away-told"] = True


def _sentence(error: SomaError) -> str:
    mend = str(error.fields.get("mend") or "")
    return f"{error.message.rstrip('.')}. {mend}" if mend else error.message

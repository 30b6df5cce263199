"""The session that a page works on, kept so that what was typed outlives a hub that is away for a while."""

import streamlit as st

from blocks.errors import NotFound, Unavailable
from ui.wire_intake import SessionDetail
from ui.wizard.visitor import hub


def hold(session: SessionDetail) -> None:
    """Work on the session as it stands now."""
    st.session_state["session"] = session


def held(session: str) -> SessionDetail:
    """The session of this id: read once for a page, then as the gateway last told it."""
    found = st.session_state.get("session")
    if isinstance(found, SessionDetail) and found.id == session and found.project is None:
        return found
    return again(session)


def again(session: str) -> SessionDetail:
    """The session as the records have it now."""
    found = hub().session(session)
    hold(found)
    return found


def refreshed(session: SessionDetail) -> SessionDetail:
    """As `again`, or the session as it was where the hub does not answer."""
    try:
        return again(session.id)
    except (Unavailable, NotFound):
        return session

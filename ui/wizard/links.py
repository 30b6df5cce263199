"""Ways from one page to another."""

from collections.abc import Mapping
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from ui.wizard.words import label


def keep(pages: Mapping[str, StreamlitPage]) -> None:
    """Know the pages of this run by their names."""
    st.session_state["pages"] = dict(pages)


def page(name: str) -> StreamlitPage:
    found: StreamlitPage = st.session_state["pages"][name]
    return found


def link(text: str, name: str, **query: str) -> None:
    """A link to a page."""
    st.page_link(page(name), label=label(text), query_params=query or None, width="content")


def go(name: str, **query: str) -> NoReturn:
    """Leave this page for another one."""
    st.switch_page(page(name), query_params=query or None)

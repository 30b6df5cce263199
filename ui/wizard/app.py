"""The wizard's script: Streamlit runs it whenever a page is opened or something on it was touched."""

from collections.abc import Callable
from importlib.resources import files

import streamlit as st

from ui.wizard import approvals, home, new_project, projects
from ui.wizard.links import keep
from ui.wizard.trouble import told
from ui.wizard.visitor import account, signed_in

PAGES: dict[str, tuple[Callable[[], None], str, str]] = {
    "home": (home.show, "Home", ""),
    "new": (new_project.show, "New project", "new"),
    "projects": (projects.show, "Projects", "project"),
    "approvals": (approvals.show, "Approvals", "approvals"),
}


def run() -> None:
    st.set_page_config(page_title="SomaAgentHub", layout="wide", initial_sidebar_state="collapsed")
    st.html(f"<style>{files('ui.wizard').joinpath('pages.css').read_text(encoding='utf-8')}</style>")
    if not signed_in():
        st.html('<p class="lead">You are signed out. <a href="/sign-in" target="_self">Sign in</a></p>')
        return
    pages = {
        name: st.Page(show, title=title, url_path=path or None, default=not path)
        for name, (show, title, path) in PAGES.items()
    }
    keep(pages)
    chosen = st.navigation(list(pages.values()), position="top")
    account()
    with told():
        chosen.run()


if __name__ == "__main__":
    run()

"""What people may want of a project: launch, pause, resume, cancel, and nodes done anew."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from blocks.errors import SomaError
from ui.cli.terminal import plain
from ui.wire import ProjectDetail
from ui.wizard.trouble import say
from ui.wizard.visitor import hub, may

ENDED = frozenset({"completed", "failed", "denied", "skipped", "cancelled"})
"""Nodes in these states can be done anew."""


def show(view: ProjectDetail) -> None:
    """The buttons that make sense now, for those who may press them."""
    if not may("POST", f"/v1/projects/{view.id}/pause"):
        return
    with st.container(key="controls", horizontal=True):
        if view.state == "planned":
            _button("Launch", lambda: hub().launch(view.id), f"launch-{view.id}", primary=True)
        elif not view.final:
            _of_a_running_one(view)
        _rerun(view)


def _of_a_running_one(view: ProjectDetail) -> None:
    if view.state == "paused":
        _button("Resume", lambda: hub().wish(view.id, "resume"), f"resume-{view.id}", primary=True)
    elif view.state != "cancelling":
        _with_reason(view, "pause", "Pause", "What is at work ends; nothing new begins until it is resumed.")
    if view.state != "cancelling":
        _with_reason(view, "cancel", "Cancel", "What is at work is stopped; the project ends here.")


def _with_reason(view: ProjectDetail, wish: Literal["pause", "cancel"], word: str, meaning: str) -> None:
    with st.popover(word):
        st.html(f"<p>{meaning}</p>")
        reason = st.text_input("Reason (optional)", key=f"{wish}-reason-{view.id}", max_chars=1000)
        _button(
            f"{word} the project",
            lambda: hub().wish(view.id, wish, reason),
            f"{wish}-{view.id}",
            primary=True,
        )


def _rerun(view: ProjectDetail) -> None:
    titles = {node.node: node.title for node in view.nodes if node.state in ENDED}
    if not titles or view.state == "cancelling":
        return
    with st.popover("Do again"):
        st.html("<p>A node and all that stands on it are done anew.</p>")
        node = st.selectbox(
            "From which node on?",
            list(titles),
            format_func=lambda name: plain(titles[name]),
            key=f"rerun-node-{view.id}",
        )
        reason = st.text_input("Reason (optional)", key=f"rerun-reason-{view.id}", max_chars=1000)
        _button(
            "Do it again",
            lambda: hub().rerun(view.id, str(node), reason=reason),
            f"rerun-{view.id}",
            primary=True,
        )


def _button(word: str, do: Callable[[], object], key: str, *, primary: bool = False) -> None:
    if not st.button(word, key=key, type="primary" if primary else "secondary"):
        return
    try:
        do()
    except SomaError as error:
        say(error)
    else:
        st.rerun()

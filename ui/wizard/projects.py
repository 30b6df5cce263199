"""Projects: the list of them, or one as it goes on."""

import streamlit as st

from blocks.errors import Unavailable
from ui.wire import ProjectDetail
from ui.wizard import controls, deliverables, feed, looks, node_panel
from ui.wizard.links import link
from ui.wizard.shown import shown
from ui.wizard.trouble import told
from ui.wizard.visitor import hub
from ui.wizard.words import CHIPS, ago, chip, e, left, took

EVERY = 2.0
"""Seconds between two looks at a project that goes on."""
LISTED = 200
COLOURS = (
    ("quiet", "not begun"),
    ("active", "at work"),
    ("asks", "waits for people"),
    ("good", "done"),
    ("bad", "refused or failed"),
)


def show() -> None:
    chosen = st.query_params.get("project")
    if chosen:
        _one(chosen)
    else:
        st.html("<h1>Projects</h1>")
        _list()


def _list() -> None:
    found = hub().projects(limit=LISTED)
    if not found:
        st.html('<p class="lead">There are no projects yet.</p>')
        link("Begin one", "new")
    for item in found:
        with st.container(
            key=f"project-{item.id}",
            horizontal=True,
            vertical_alignment="center",
            horizontal_alignment="distribute",
            border=True,
        ):
            link(item.title, "projects", project=item.id)
            about = f"{chip(item.state)} {e(item.requested_by)} · {ago(item.created_at)}"
            st.html(f'<span class="note">{about}</span>', width="content")


def _one(project: str) -> None:
    view, lost = _look(project)
    every = None if view.final else EVERY
    st.session_state.update({"view": view, "lost": lost, "just-seen": True})
    _questions(view)
    st.fragment(_progress, run_every=every)(project)
    controls.show(view)
    nodes, events, delivered, request = st.tabs(["Nodes", "Events", "Deliverables", "Request"])
    with nodes:
        node_panel.show(view)
    with events:
        st.fragment(feed.show, run_every=every)(view)
    with delivered:
        deliverables.show(view)
    with request:
        st.html(shown({"blueprint": view.blueprint, "inputs": view.inputs, "plan": view.plan_digest}))


def _look(project: str) -> tuple[ProjectDetail, bool]:
    """The project, or how it was last seen where the hub does not answer; whether that is so."""
    try:
        return hub().project(project), False
    except Unavailable:
        last = st.session_state.get("view")
        if isinstance(last, ProjectDetail) and last.id == project:
            return last, True
        raise


def _progress(project: str) -> None:
    """The headline and the drawing; the whole page is drawn anew once something about it has changed."""
    with told():
        before: ProjectDetail = st.session_state["view"]
        if st.session_state.pop("just-seen", False):
            view, lost = before, st.session_state["lost"]
        else:
            view, lost = _look(project)
        if _shape(view) != _shape(before) or (st.session_state["lost"] and not lost):
            st.rerun()
        _headline(view, lost=lost)
        st.html(looks.of_project(view))
        st.html(looks.legend(COLOURS, {CHIPS.get(node.state, "quiet") for node in view.nodes}))


def _shape(view: ProjectDetail) -> tuple[object, ...]:
    """What of a project decides how its page is built."""
    states = tuple((node.node, node.state, node.attempt) for node in view.nodes)
    return view.id, view.state, states, tuple(item.id for item in view.approvals), len(view.deliverables)


def _headline(view: ProjectDetail, *, lost: bool) -> None:
    done = sum(node.state == "completed" for node in view.nodes)
    time = took(view.launched_at, view.ended_at)
    parts = [f"{done} of {len(view.nodes)} nodes", f"by {e(view.requested_by)}", time]
    about = f"{chip(view.state)} {' · '.join(filter(None, parts))} · <code>{e(view.id)}</code>"
    st.html(f'<h1>{e(view.title)}</h1><p class="note">{about}</p>')
    if view.reason and view.state not in {"planned", "completed"}:
        kind = "reason" if CHIPS.get(view.state) == "bad" else "note"
        st.html(f'<p class="{kind}">{e(view.reason)}</p>')
    if lost:
        st.warning("The hub does not answer. This is the last that was seen; it comes back by itself.")


def _questions(view: ProjectDetail) -> None:
    for item in view.approvals:
        with st.container(key=f"asks-{item.id}", horizontal=True, vertical_alignment="center", border=True):
            st.html(
                f'<span class="note">{chip("pending", "question")} {left(item.expires_at)}</span>',
                width="content",
            )
            link(item.question, "approvals", approval=item.id)

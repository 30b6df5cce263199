"""The first page: what waits for the person, what runs, what has ended."""

from collections.abc import Iterable

import streamlit as st

from ui.wire import Approval, Project
from ui.wire_intake import Session
from ui.wizard.answering import hindrance
from ui.wizard.links import go, link
from ui.wizard.trouble import told
from ui.wizard.visitor import hub, may, me
from ui.wizard.words import ago, chip, e, left, took

EVERY = 3.0
"""Seconds between two looks."""
ENDED = 8
"""So many of the projects that have ended are shown."""


def show() -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.html(f"<h1>Hello, {e(me().who)}</h1>")
        if may("POST", "/v1/sessions") and st.button("New project", type="primary", key="home-new"):
            go("new")
    _live()


@st.fragment(run_every=EVERY)
def _live() -> None:
    with told():
        client = hub()
        approvals, projects = client.approvals(), client.projects(limit=100)
        sessions = client.sessions() if may("POST", "/v1/sessions") else []
        titles = {project.id: project.title for project in projects}
        _waiting(approvals, titles)
        _unfinished(sessions)
        _projects("Running", (item for item in projects if not item.final and item.launched_at))
        _projects("Planned, not launched", (item for item in projects if item.state == "planned"))
        _projects("Finished", [item for item in projects if item.final][:ENDED])
        if not (approvals or projects or sessions):
            st.html('<p class="lead">Nothing here yet. Begin with a new project.</p>')


def _waiting(approvals: list[Approval], titles: dict[str, str]) -> None:
    mine = [item for item in approvals if hindrance(item) is None]
    others = len(approvals) - len(mine)
    if mine:
        st.html(f"<h2>Waits for you <span class='count'>{len(mine)}</span></h2>")
    for item in mine:
        with _row(f"home-{item.id}"):
            link(item.question, "approvals", approval=item.id)
            title = titles.get(item.project, item.project)
            _note(f"{e(title)} · asked {ago(item.requested_at)} · {left(item.expires_at)}")
    if others:
        count = "1 question waits" if others == 1 else f"{others} questions wait"
        _note(f"{count} for other people.")


def _unfinished(sessions: Iterable[Session]) -> None:
    waiting = [item for item in sessions if item.state == "open"]
    if waiting:
        st.html("<h2>Begun, not launched</h2>")
    for item in waiting:
        with _row(f"home-{item.id}"):
            link(item.title, "new", session=item.id)
            _note(f"last worked on {ago(item.updated_at)}")


def _projects(heading: str, found: Iterable[Project]) -> None:
    listed = list(found)
    if listed:
        st.html(f"<h2>{e(heading)}</h2>")
    for item in listed:
        with _row(f"home-{item.id}"):
            link(item.title, "projects", project=item.id)
            _note(f"{chip(item.state)} {e(item.requested_by)} · {_when(item)}")


def _when(item: Project) -> str:
    if item.ended_at:
        return f"ended {ago(item.ended_at)} after {took(item.launched_at or item.created_at, item.ended_at)}"
    return f"launched {ago(item.launched_at)}" if item.launched_at else f"planned {ago(item.created_at)}"


def _row(key: str) -> st.delta_generator.DeltaGenerator:
    return st.container(
        key=key, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", border=True
    )


def _note(inner: str) -> None:
    st.html(f'<span class="note">{inner}</span>', width="content")

"""What has happened in a project, the newest first, and more as it happens."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import streamlit as st

from blocks.errors import Unavailable
from ui.wire import Event, ProjectDetail
from ui.wizard.trouble import told
from ui.wizard.visitor import hub
from ui.wizard.words import cut, e, state_word

KEPT = 500
SHOWN = 60
LONGEST = 400


def show(view: ProjectDetail) -> None:
    """The feed; read on from the last event that is known."""
    with told():
        known: dict[int, Event] = st.session_state.setdefault(f"feed-{view.id}", {})
        try:
            _read_on(view.id, known)
        except Unavailable:
            st.html('<p class="faint">The hub does not answer; these are the last that were seen.</p>')
        titles = {node.node: node.title for node in view.nodes}
        newest = sorted(known.values(), key=lambda event: event.id, reverse=True)
        told_now = [line for event in newest if (line := _line(event, titles))]
        rows = "".join(told_now[:SHOWN])
        st.html(f'<ul class="feed">{rows}</ul>' if rows else '<p class="faint">Nothing has happened yet.</p>')


def _read_on(project: str, known: dict[int, Event]) -> None:
    client = hub()
    last = client.project(project).last_event
    after = max(known, default=0)
    if last <= after:
        return
    with closing(client.events(project, after=after)) as events:
        for event in events:
            known[event.id] = event
            if event.id >= last:
                break
    for old in sorted(known)[:-KEPT]:
        del known[old]


def _line(event: Event, titles: Mapping[str, str]) -> str:
    text = sentence(event)
    if not text:
        return ""
    about = f"<b>{e(titles.get(event.node, event.node))}</b> " if event.node else ""
    time = event.at.astimezone().strftime("%H:%M:%S")
    return f'<li><time datetime="{e(event.at.isoformat())}">{time}</time> {about}{text}</li>'


def sentence(event: Event) -> str:
    """What an event says to people; empty where it says nothing to them."""
    data = event.data
    if event.kind == "message.published":
        return _message(data)
    if event.kind.endswith(".state"):
        reason = f": {e(cut(data['reason'], LONGEST))}" if data.get("reason") else ""
        subject = "" if event.node else "The project: "
        return f"{subject}{e(state_word(str(data.get('state', ''))))}{reason}"
    return _other(event.kind, data)


def _message(data: Mapping[str, Any]) -> str:
    text = next((data[name] for name in ("text", "body", "title") if data.get(name)), "")
    kind = e(data.get("kind") or "message")
    return f'says ({kind}): <span class="text">{e(cut(text, LONGEST))}</span>'


def _other(kind: str, data: Mapping[str, Any]) -> str:
    by = f" by {e(data['by'])}" if data.get("by") else ""
    said = {
        "approval.asked": f"asks: {e(cut(data.get('question', ''), LONGEST))}",
        "approval.voted": f"was agreed to{by}; others must too",
        "approval.decided": f"was answered: {e(state_word(str(data.get('state', ''))))}{by}",
        "approval.reminder": "people were reminded",
        "approval.escalated": "others are asked as well",
        "project.control": f"wanted: {e(data.get('control') or data.get('wish') or '')}{by}",
        "project.deadline": f"the deadline was set{by}",
        "project.undoing": "what was done is undone",
        "project.fork": f"was forked{by}",
        "project.forked": f"made from project {e(data.get('project', ''))}{by}",
        "node.expanded": f"became {e(data.get('children', 'several'))} nodes",
        "node.reset": f"is done anew{by}",
        "node.respecified": f"is done otherwise{by}",
    }
    if kind in said:
        return said[kind]
    text = data.get("message") or data.get("text")
    return e(cut(text, LONGEST)) if isinstance(text, str) else ""

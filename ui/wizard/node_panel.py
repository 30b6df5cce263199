"""One node of a project: what went in, what came out, what was decided, and where Prefect shows its run."""

import streamlit as st

from ui.cli.terminal import plain
from ui.wire import ProjectDetail
from ui.wire_intake import NodeAttempt, NodeDecision, NodeDetail
from ui.wizard.shown import shown
from ui.wizard.trouble import told
from ui.wizard.visitor import hub
from ui.wizard.words import chip, e, state_word, took

MOST_DECISIONS = 25


def show(view: ProjectDetail) -> None:
    """A choice of the nodes, and the one that was chosen."""
    titles = {node.node: f"{node.title} – {state_word(node.state)}" for node in view.nodes}
    chosen = st.selectbox(
        "Node",
        list(titles),
        index=None,
        format_func=lambda name: plain(titles.get(name, name)),
        placeholder="Choose a node to look at",
        key=f"node-{view.id}",
    )
    if chosen is None:
        _remarks(view)
        return
    with told():
        _one(hub().node(view.id, chosen))


def _remarks(view: ProjectDetail) -> None:
    """Why some nodes did not come to their end."""
    told_why = "".join(
        f"<li><b>{e(node.title)}</b> {chip(node.state)} {e(node.reason)}</li>"
        for node in view.nodes
        if node.reason and node.state in {"failed", "denied", "skipped", "cancelled"}
    )
    if told_why:
        st.html(f"<ul>{told_why}</ul>")


def _one(node: NodeDetail) -> None:
    time = took(node.started_at, node.ended_at)
    parts = [f"{e(node.capsule)} {e(node.version)}", f"attempt {node.attempt}" if node.attempt else "", time]
    reason = f'<p class="reason">{e(node.reason)}</p>' if node.reason else ""
    st.html(f'<p class="note">{chip(node.state)} {" · ".join(filter(None, parts))}</p>{reason}')
    if node.run_url:
        st.link_button("See its run in Prefect", node.run_url)
    given, came = st.columns(2)
    with given:
        st.html("<h3>Inputs</h3>" + shown(node.inputs))
    with came:
        outputs = shown(node.outputs) if node.outputs is not None else '<span class="faint">not yet</span>'
        st.html("<h3>Outputs</h3>" + outputs)
    if node.cut:
        st.html('<p class="faint">Long values are cut here; the deliverables have them whole.</p>')
    st.html("<h3>What it may touch</h3>" + shown(node.authority))
    st.html("<h3>Decisions</h3>" + _decisions(node.decisions))
    if len(node.attempts) > 1 or any(item.error for item in node.attempts):
        st.html("<h3>Attempts</h3>" + "".join(map(_attempt, node.attempts)))


def _decisions(decisions: list[NodeDecision]) -> str:
    if not decisions:
        return '<p class="faint">Nothing has been decided yet.</p>'
    rows = "".join(map(_decision, decisions[:MOST_DECISIONS]))
    more = len(decisions) - MOST_DECISIONS
    rest = f'<p class="faint">and {more} earlier ones</p>' if more > 0 else ""
    return f'<div class="wide"><table><tbody>{rows}</tbody></table></div>{rest}'


def _decision(item: NodeDecision) -> str:
    articles = "; ".join(
        f"<b>{e(article.get('article', ''))}</b> {e(article.get('reason', ''))}" for article in item.articles
    )
    outcome = f'<span class="faint">{e(item.outcome)}</span>' if item.outcome else ""
    return (
        f"<tr><td>{chip(item.verdict)}</td><td>{e(item.stage)}<br><b>{e(item.action)}</b> {outcome}</td>"
        f"<td>{articles}</td></tr>"
    )


def _attempt(item: NodeAttempt) -> str:
    why = e(item.error or item.reason or "")
    time = took(item.started_at, item.ended_at)
    return (
        f'<p>{item.number}. {chip(item.state)} <span class="note">{e(item.runtime)} {time}</span> {why}</p>'
    )

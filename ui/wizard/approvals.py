"""Questions to people: exactly what will be done, why it is asked, how much time is left, and the answers."""

import streamlit as st

from blocks.errors import SomaError, Unavailable
from ui.wire import Approval
from ui.wizard.answering import answers, hindrance
from ui.wizard.links import link
from ui.wizard.shown import shown
from ui.wizard.trouble import told
from ui.wizard.visitor import hub
from ui.wizard.words import ago, chip, e, label, left, lines, state_word

EVERY = 4.0
"""Seconds between two looks at the list."""
PAST = 15
"""So many of the answered questions are listed."""
SAID = {"approve": "said yes", "reject": "said no", "changes": "asked for changes"}


def show() -> None:
    chosen = st.query_params.get("approval")
    if chosen:
        _one(_look(chosen))
    else:
        st.html("<h1>Approvals</h1>")
        _list()


@st.fragment(run_every=EVERY)
def _list() -> None:
    with told():
        client = hub()
        pending = client.approvals()
        past = [item for item in client.approvals(state=None) if item.state != "pending"]
        past.sort(key=lambda item: item.decided_at or item.requested_at, reverse=True)
        if not pending:
            st.html('<p class="lead">Nothing waits for an answer.</p>')
        for item in pending:
            _line(item, f"{_for_whom(item)} · asked {ago(item.requested_at)} · {left(item.expires_at)}")
        if past:
            st.html("<h2>Answered</h2>")
        for item in past[:PAST]:
            by = f" by {e(item.decided_by)}" if item.decided_by else ""
            _line(item, f"{chip(item.state)}{by} {ago(item.decided_at or item.requested_at)}")


def _for_whom(item: Approval) -> str:
    return chip("pending", "for you") if hindrance(item) is None else chip("waiting", "for others")


def _line(item: Approval, note: str) -> None:
    with st.container(
        key=f"line-{item.id}",
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        border=True,
    ):
        link(item.question, "approvals", approval=item.id)
        st.html(f'<span class="note">{note}</span>', width="content")


def _look(approval: str) -> Approval:
    """The question, or how it was last seen where the hub does not answer: a comment may stand below it."""
    try:
        found = hub().approval(approval)
    except Unavailable:
        last = st.session_state.get("approval")
        if isinstance(last, Approval) and last.id == approval:
            st.warning("The hub does not answer. This is the last that was seen.")
            return last
        raise
    st.session_state["approval"] = found
    return found


def _watch(item: Approval) -> None:
    """Draw the page anew once somebody else has answered."""
    try:
        now = hub().approval(item.id)
    except SomaError:
        return
    if (now.state, now.votes, now.bound_to) != (item.state, item.votes, item.bound_to):
        st.rerun()


def _one(item: Approval) -> None:
    if item.state == "pending":
        st.fragment(_watch, run_every=EVERY)(item)
    link("All approvals", "approvals")
    _said_before()
    st.html(f"<h1>{e(item.question)}</h1>")
    _headline(item)
    _why(item)
    st.html("<h2>What will be done</h2>" + shown(_told(item)))
    if item.edited:
        st.html("<h2>With other arguments than were asked about</h2>" + shown(item.edited))
    st.html(f'<p class="faint">The answer holds for exactly this: <code>{e(item.bound_to)}</code></p>')
    _votes(item)
    if item.state == "pending":
        st.html("<h2>Your answer</h2>")
        answers(item)


def _said_before() -> None:
    kind, text = st.session_state.pop("approval-said", ("", ""))
    if kind == "success":
        st.success(label(text))
    elif kind:
        st.warning(label(text))


def _headline(item: Approval) -> None:
    try:
        title = hub().project(item.project).title
    except SomaError:
        title = item.project
    time = left(item.expires_at) if item.state == "pending" else ago(item.decided_at)
    parts = [chip(item.state), f"node {e(item.node)}", f"requested by {e(item.requested_by)}", time]
    with st.container(horizontal=True, vertical_alignment="center"):
        link(title, "projects", project=item.project)
        st.html(f'<span class="note">{" · ".join(parts)}</span>', width="content")


def _why(item: Approval) -> None:
    """Who demands that people be asked, and who has to agree."""
    reasons = [_reason(asked) for asked in item.requirements] or ["The plan asks before this node runs."]
    missing = "".join(f"<li>Still needed: {e(line)}</li>" for line in item.missing)
    told_why = "".join(f"<li>{reason}</li>" for reason in reasons)
    still = missing if item.state == "pending" else ""
    st.html(f"<h2>Why it is asked</h2><ul>{told_why}{still}</ul>")


def _reason(asked: dict[str, object]) -> str:
    article = asked.get("article")
    by = f"Article <b>{e(article)}</b> of the constitution" if article else "The plan"
    who = asked.get("who")
    people = " or ".join(map(e, who)) if isinstance(who, list) and who else "anybody who may answer"
    quorum = asked.get("quorum", 1)
    count = f"{e(quorum)} of " if quorum != 1 else ""
    others = "" if asked.get("requester", True) else ", and not the one who asked for the project"
    return f"{by} wants {count}{people} to agree{others}."


def _told(item: Approval) -> dict[str, object]:
    """Everything that the person is asked to judge."""
    offered = (item.offered or {}).get("arguments")
    more = {"arguments": offered} if offered and "inputs" not in item.details else {}
    return {**item.details, **more}


def _votes(item: Approval) -> None:
    for vote in item.votes:
        said = SAID.get(str(vote.get("verdict")), "said yes" if vote.get("approved") else "said no")
        past = vote.get("digest", item.bound_to) != item.bound_to
        before = " (before the arguments were changed)" if past else ""
        comment = (
            f'<blockquote class="text">{lines(vote["comment"])}</blockquote>' if vote.get("comment") else ""
        )
        st.html(f"<p><b>{e(vote.get('by', ''))}</b> {said}{before}</p>{comment}")
    if item.state not in {"pending", "approved"} and not item.votes:
        st.html(f"<p>{e(state_word(item.state))}</p>")

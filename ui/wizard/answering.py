"""Answering an approval: who may, and the three answers."""

from datetime import UTC, datetime
from typing import Literal

import streamlit as st

from blocks.agreement import Vote, objection
from blocks.errors import Conflict, SomaError
from ui.wire import Approval
from ui.wizard.trouble import say
from ui.wizard.visitor import hub, me
from ui.wizard.words import label

Verdict = Literal["approve", "reject", "changes"]
SAID: dict[Verdict, str] = {
    "approve": "Approved.",
    "reject": "Rejected.",
    "changes": "Changes are asked for.",
}


def hindrance(approval: Approval) -> str | None:
    """Why the person may not answer this, if that is so; the gateway has the last word."""
    person = me()
    for vote in approval.votes:
        same = vote.get("digest", approval.bound_to) == approval.bound_to
        if vote.get("by") == person.who and vote.get("approved") and same:
            return "You have agreed; others must too."
    wanted = Vote(
        by=person.who,
        roles=frozenset(person.roles),
        waited=(datetime.now(UTC) - approval.requested_at).total_seconds(),
    )
    return objection(approval.requirements, wanted, approval.requested_by)


def answers(approval: Approval) -> None:
    """The comment and the three answers."""
    if reason := hindrance(approval):
        st.info(label(reason))
        return
    comment = st.text_area(
        "Comment",
        key=f"comment-{approval.id}",
        max_chars=4000,
        help="Needed to reject and to ask for changes.",
        height=100,
    ).strip()
    with st.container(horizontal=True, key="answers"):
        wanted = _pressed(approval)
    if wanted is None:
        return
    if wanted != "approve" and not comment:
        st.warning("Say why in the comment, so that whoever reads it knows what to do.")
        return
    _answer(approval, wanted, comment)


def _pressed(approval: Approval) -> Verdict | None:
    pressed: Verdict | None = None
    if st.button("Approve", type="primary", key=f"approve-{approval.id}"):
        pressed = "approve"
    if st.button("Reject", key=f"reject-{approval.id}"):
        pressed = "reject"
    if st.button("Ask for changes", key=f"changes-{approval.id}"):
        pressed = "changes"
    return pressed


def _answer(approval: Approval, verdict: Verdict, comment: str) -> None:
    try:
        hub().answer(approval.id, verdict, comment, digest=approval.bound_to)
    except Conflict as error:
        if _is_mine(
            hub().approval(approval.id), verdict
        ):  # a press that was repeated while it was being done
            st.session_state["approval-said"] = ("success", SAID[verdict])
            st.rerun()
        st.session_state["approval-said"] = ("warning", f"{error.message}. This is how it stands now.")
    except SomaError as error:
        say(error)
        return
    else:
        st.session_state["approval-said"] = ("success", SAID[verdict])
    st.rerun()


def _is_mine(now: Approval, verdict: Verdict) -> bool:
    """Whether the last answer is the person's own, and this one."""
    last = now.votes[-1] if now.votes else {}
    return last.get("by") == me().who and last.get("verdict", verdict) == verdict

"""What is left behind of each step of an approval: in the audit log, in the project's events, as a notice."""

import hashlib
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.entries import entry
from blocks.records.events import add_event
from blocks.records.notices import add_notice
from blocks.records.tables import Approval


def audit_record(
    approval: Approval, event: str, *, by: str | None = None, comment: str = "", **more: Any
) -> dict[str, Any]:
    """What the audit log keeps of an approval; of a comment, the hash."""
    told = hashlib.sha256(comment.encode()).hexdigest() if comment else None
    if approval.edited_digest is not None:
        more["edited_digest"] = approval.edited_digest
    return entry(
        "approval",
        approval.tenant,
        event=event,
        approval=approval.id,
        project=approval.project,
        node=approval.node,
        by=by,
        digest=approval.action_digest,
        requirements=approval.requirements,
        comment_sha256=told,
        **more,
    )


def tell_asked(session: AsyncSession, approval: Approval) -> None:
    """A question was put to people."""
    told = {"approval": approval.id, "question": approval.question}
    add_event(session, approval.project, "approval.asked", approval.node, told)
    add_notice(session, "asked", approval.tenant, approval.project, approval=approval.id)


def tell_voted(session: AsyncSession, approval: Approval, by: str) -> None:
    """Somebody has answered, and others must too."""
    told = {"approval": approval.id, "by": by}
    add_event(session, approval.project, "approval.voted", approval.node, told)


def tell_decided(session: AsyncSession, approval: Approval) -> None:
    """The question needs no more answers."""
    facts = {"approval": approval.id, "state": approval.state, "by": approval.decided_by}
    add_event(session, approval.project, "approval.decided", approval.node, facts)
    add_notice(
        session, "decided", approval.tenant, approval.project, approval=approval.id, state=approval.state
    )


def tell_again(session: AsyncSession, approval: Approval, kind: str) -> None:
    """People were reminded (`reminder`), or others are asked as well (`escalated`)."""
    number = approval.reminders if kind == "reminder" else approval.escalations
    add_event(session, approval.project, f"approval.{kind}", approval.node, {"approval": approval.id})
    add_notice(session, kind, approval.tenant, approval.project, approval=approval.id, number=number)

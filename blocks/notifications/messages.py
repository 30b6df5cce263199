"""What notifications say: plain text, for any channel, with everything that people need to decide."""

import json
from dataclasses import dataclass
from typing import Any

from blocks.agreement import lacking, votes_of
from blocks.constitution.detectors.secrets import redacted
from blocks.plain import plain
from blocks.records.approvals import bound_to
from blocks.records.notice_tables import Notice
from blocks.records.tables import Approval, Project

LONGEST = 3_000
"""Characters that are shown of a question's details."""
OPEN = frozenset({"asked", "reminder", "escalated"})
"""Kinds that ask for an answer."""
_BEGIN = {
    "asked": "A question waits for you",
    "reminder": "A question still waits",
    "escalated": "A question was passed on to you",
}
_DECIDED = {
    "approved": "was approved",
    "rejected": "was rejected",
    "sent_back": "was sent back for changes",
    "expired": "was not answered in time, which counts as a refusal",
    "withdrawn": "needs no answer any more",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """Subject and body; secrets in what others wrote are masked."""

    subject: str
    body: str


def message_of(notice: Notice, project: Project, approval: Approval | None) -> Message:
    """What is told; without the link, which is added where somebody may have one."""
    if approval is None:
        return _of_project(notice, project)
    if notice.kind in OPEN:
        return _of_question(notice, project, approval)
    return _of_decision(notice, project, approval)


def people_of(notice: Notice, approval: Approval | None) -> set[str]:
    """Whom a question is for; nobody named: anybody who may answer."""
    if approval is None:
        return set()
    asked = {name for item in approval.requirements for name in item.get("who") or ()}
    passed_on = [item["escalate"]["to"] for item in approval.requirements if item.get("escalate")]
    if notice.kind == "escalated":
        return {name for names in passed_on for name in names}
    return asked | {name for names in passed_on for name in names if approval.escalations}


def with_link(message: Message, link: str, hours: float) -> Message:
    """The message with a link by which its receiver can answer."""
    body = f"{message.body}\nAnswer here, once, within {hours:.0f} hours: {link}\n"
    return Message(subject=message.subject, body=body)


def _of_question(notice: Notice, project: Project, approval: Approval) -> Message:
    missing = lacking(
        approval.requirements, votes_of(approval.votes, bound_to(approval)), approval.requested_by
    )
    until = f"{approval.expires_at:%Y-%m-%d %H:%M} UTC" if approval.expires_at else "it is answered"
    lines = [
        f"{_BEGIN[notice.kind]}: {_line(approval.question)}",
        "",
        f"Project: {_line(project.title)} ({project.id}), asked for by {_line(approval.requested_by)}",
        f"Node: {approval.node}",
        f"Needed: {'; '.join(missing) or 'nothing more'}",
        f"Open until {until}; after that the answer is no.",
        f"Bound to {bound_to(approval)}",
        "",
        _shown(approval.details),
        *([f"With other arguments: {_shown(approval.edited)}"] if approval.edited else []),
        "",
        f"soma approve {approval.id}   or   soma reject {approval.id}   or   soma changes {approval.id}",
    ]
    return _message(f"{_BEGIN[notice.kind]}: {_line(approval.question)}", lines, notice)


def _of_decision(notice: Notice, project: Project, approval: Approval) -> Message:
    state = str(notice.data.get("state") or approval.state)
    by = f" by {_line(approval.decided_by)}" if approval.decided_by else ""
    lines = [
        f"“{_line(approval.question)}” {_DECIDED.get(state, state)}{by}.",
        *([f"Comment: {_line(approval.comment)}"] if approval.comment else []),
        "",
        f"Project: {_line(project.title)} ({project.id}), node {approval.node}",
    ]
    return _message(f"{_line(approval.question)} {_DECIDED.get(state, state)}", lines, notice)


def _of_project(notice: Notice, project: Project) -> Message:
    state = str(notice.data.get("state") or project.state)
    reason = notice.data.get("reason")
    lines = [
        f"The project “{_line(project.title)}” ({project.id}) has ended: {state}.",
        *([f"Reason: {_line(reason)}"] if reason else []),
        f"It was asked for by {_line(project.requested_by)}.",
    ]
    return _message(f"{_line(project.title)}: {state}", lines, notice)


def _message(subject: str, lines: list[str], notice: Notice) -> Message:
    body = "\n".join([*lines, "", f"Notice {notice.id}"])
    return Message(subject=str(redacted(subject))[:250], body=str(redacted(body)))


def _shown(value: Any) -> str:
    text = json.dumps(plain(redacted(value)), indent=1, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _line(text: object) -> str:
    return " ".join(str(text).split())[:500]

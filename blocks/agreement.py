"""Whether enough of the right people agree: the arithmetic of approvals.

A requirement is the JSON of `ApprovalTerms` with the `article` that asks (none: the plan does); every
requirement must be met.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blocks.constitution.decisions import Decision
from blocks.constitution.terms import ApprovalTerms

Requirement = Mapping[str, Any]
ANSWERING = frozenset({"approver", "admin"})
"""Roles that may answer approvals at all; an admin is an approver too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """One person's yes."""

    by: str
    roles: frozenset[str] = frozenset()
    waited: float = 0
    """Seconds that the question had been open: those to whom it was passed on count from then."""
    person: bool = True
    """False for an answer that came through Prefect, whose users the hub does not know."""


def requirements_of(decision: Decision) -> list[dict[str, Any]]:
    """What each article demands that wants people asked."""
    return [
        {"article": item.article, **(item.terms or ApprovalTerms()).as_json()}
        for item in decision.articles
        if item.verdict == "approve"
    ]


def votes_of(votes: Iterable[Mapping[str, Any]], digest: str | None = None) -> tuple[Vote, ...]:
    """The yeses among recorded answers; with a digest, those that were said to exactly this action."""
    return tuple(
        Vote(
            by=str(vote["by"]),
            roles=frozenset(vote.get("roles") or ()),
            waited=float(vote.get("waited") or 0),
            person=bool(vote.get("person", True)),
        )
        for vote in votes
        if vote.get("approved") and (digest is None or vote.get("digest", digest) == digest)
    )


def objection(requirements: Sequence[Requirement], vote: Vote, requester: str) -> str | None:
    """Why this person may not answer, if that is so."""
    if not ANSWERING & vote.roles:
        return "answering needs the role approver or admin"
    for asked in requirements:
        if vote.by == requester and not asked.get("requester", True):
            wants = f"article {asked['article']}" if asked.get("article") else "the plan"
            return f"{requester} asked for the project, and {wants} wants others to agree"
        if not vote.person and _wants_somebody(asked):
            return "it takes people whom the hub knows; answer through the gateway, `soma approve` or a link"
    if requirements and not any(_fits(asked, vote) for asked in requirements):
        return f"this is for {' and for '.join(sorted({_people(asked) for asked in requirements}))}"
    return None


def lacking(requirements: Sequence[Requirement], votes: Sequence[Vote], requester: str) -> list[str]:
    """What is still missing, one sentence for each requirement that is not met; empty when all are."""
    missing = []
    for asked in requirements or ({},):
        counted = {vote.by for vote in votes if _counts(asked, vote, requester)}
        short = int(asked.get("quorum", 1)) - len(counted)
        if short > 0:
            missing.append(_sentence(asked, short, requester))
    return missing


def _wants_somebody(asked: Requirement) -> bool:
    return bool(asked.get("who")) or not asked.get("requester", True)


def _counts(asked: Requirement, vote: Vote, requester: str) -> bool:
    own = vote.by == requester and not asked.get("requester", True)
    return not own and _fits(asked, vote)


def _fits(asked: Requirement, vote: Vote) -> bool:
    if not vote.person:
        return not _wants_somebody(asked)
    who = asked.get("who") or ()
    roles = vote.roles | {"approver"} if "admin" in vote.roles else vote.roles
    names = {f"user:{vote.by}", *(f"role:{role}" for role in roles)}
    if not who or not names.isdisjoint(who):
        return True
    escalate = asked.get("escalate")
    return escalate is not None and vote.waited >= escalate["after"] and not names.isdisjoint(escalate["to"])


def _sentence(asked: Requirement, short: int, requester: str) -> str:
    people = f"{short} more of {_people(asked)}" if asked.get("who") else f"{short} more"
    but = f", not {requester} who asked for it" if requester and not asked.get("requester", True) else ""
    article = f" (article {asked['article']})" if asked.get("article") else ""
    return f"{people}{but}{article}"


def _people(asked: Requirement) -> str:
    return " or ".join(asked.get("who") or ("anybody who may answer",))

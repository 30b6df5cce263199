"""Deciding a recorded action again, from what was recorded and nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from blocks.audit.keeping import action_of
from blocks.audit.steps import Step
from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import RANK, Action, Decision
from blocks.constitution.stages import variables
from blocks.constitution.withheld import Withheld

NAME = "verdict"
NOT_KEPT = Withheld("0" * 64, 0)
"""Stands for a variable that the record does not have at all."""


def derived(constitution: Constitution, record: Mapping[str, Any]) -> Step:
    """Whether the constitution says about the recorded facts what the record says."""
    if not record.get("facts"):
        return Step(name=NAME, state="open", said="no facts were recorded, so nothing can be derived")
    decision = constitution.decide(*_recorded(record))
    articles = [item.article for item in decision.articles]
    recorded = [item["article"] for item in record["articles"]]
    if (decision.verdict, articles) == (record["verdict"], recorded):
        by = ", ".join(articles) or "the default"
        return Step(name=NAME, state="ok", said=f"{decision.verdict}, by {by}: derived again")
    if decision.unreadable:
        return Step(name=NAME, state="open", said=_unreadable(decision))
    if _only_stricter(decision, record):
        said = f"the constitution says {decision.verdict}, the guard's own limits said {record['verdict']}"
        return Step(name=NAME, state="open", said=said)
    says = f"{decision.verdict} by {', '.join(articles) or 'the default'}"
    said = f"recorded is {record['verdict']} by {', '.join(recorded) or 'the default'}; derived is {says}"
    return Step(name=NAME, state="failed", said=said)


def _recorded(record: Mapping[str, Any]) -> tuple[Action, dict[str, Any]]:
    """The recorded action, in which each variable that was not kept is withheld, and never just missing."""
    action, answers = action_of(record)
    absent = dict.fromkeys([*variables(action.stage), "history"], NOT_KEPT)
    return replace(action, facts={**absent, **action.facts}), answers


def _unreadable(decision: Decision) -> str:
    """Which articles could not be asked, and for want of what."""
    notes = [f"article {item.article} {item.reason}" for item in decision.articles if _unasked(item.reason)]
    return f"not derived, because inputs were withheld: {'; '.join(notes) or 'an article could not be asked'}"


def _unasked(reason: str) -> bool:
    return "could not be evaluated" in reason


def _only_stricter(decision: Decision, record: Mapping[str, Any]) -> bool:
    """The guard refuses what people would have to approve but cannot be shown."""
    same = [item.article for item in decision.articles][:1] == [
        item["article"] for item in record["articles"]
    ]
    return bool(same and RANK[record["verdict"]] > RANK[decision.verdict] and decision.verdict == "approve")

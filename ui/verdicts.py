"""A constitution's answer to a described action, as the gateway tells it and the command line shows it."""

from dataclasses import asdict
from typing import Any

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action
from blocks.constitution.explaining import explain
from blocks.plain import plain
from ui.wire_constitutions import Answered, Determined, Titled


def answered(constitution: Constitution, action: Action, *, explained: bool) -> Answered:
    """The verdict; explained, it comes with the articles that matched and those that almost did."""
    explanation: dict[str, Any] | None = None
    if explained:
        found = explain(constitution, action)
        decision, explanation = found.decision, plain(asdict(found))
        del explanation["decision"]
    else:
        decision = constitution.decide(action)
    return Answered(
        verdict=decision.verdict,
        stage=decision.stage,
        action=decision.action,
        constitution=Titled.model_validate(constitution),
        articles=[Determined.model_validate(item) for item in decision.articles],
        explanation=explanation,
    )

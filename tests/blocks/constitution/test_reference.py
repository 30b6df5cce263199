"""Random constitutions and hostile actions: the hub and the slow reference give the same answers."""

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action
from blocks.constitution.explaining import explain
from blocks.constitution.withheld import Withheld, restore
from blocks.plain import plain

sys.path.insert(0, str(Path(__file__).parent))

import reference  # it lies beside this file, and tests are no packages
from inventing import a_constitution, an_action


def kept(facts: Any) -> Any:
    """The facts as an audit log would give them back."""

    def shown(value: Any) -> Any:
        if isinstance(value, Withheld):
            return value.as_json()
        if isinstance(value, dict):
            return {key: shown(inner) for key, inner in value.items()}
        return [shown(inner) for inner in value] if isinstance(value, list | tuple) else value

    return restore(json.loads(json.dumps(plain(shown(facts)))))


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(min_value=0, max_value=2**64))
def test_the_hub_answers_as_the_reference_does(seed):
    """Same verdict, same articles, whatever the constitution and the action; and nothing raises."""
    random = Random(seed)
    given_one = a_constitution(random)
    for _ in range(12 if given_one else 0):
        action = an_action(random)
        decision = given_one.decide(action)
        verdict, articles = reference.verdict_of(given_one.document, action.stage, action.name, action.facts)

        assert (verdict, articles) == (
            decision.verdict,
            {item.article for item in decision.articles if item.article != "default"},
        ), (given_one.document["articles"], action)
        check_allowed(given_one, action, decision.verdict)
        check_explained(given_one, action)
        check_derived_again(given_one, action)


def check_allowed(given_one: Constitution, action: Action, verdict: str) -> None:
    """An allow comes from an article that truly holds, or from the default."""
    if verdict == "allow" and given_one.default != "allow":
        allowing = [item for item in given_one.document["articles"] if item["verdict"] == "allow"]
        assert any(
            "when" not in item or _holds(item["when"], action)
            for item in allowing
            if action.stage in item["stages"]
        )


def _holds(source: str, action: Action) -> bool:
    try:
        return reference.holds(source, action.stage, action.facts)
    except reference.Unreadable:
        return False


def check_explained(given_one: Constitution, action: Action) -> None:
    """Every article that speaks of the action has matched or nearly so, and the verdict is the same."""
    decision, found = given_one.decide(action), explain(given_one, action)
    names = [item.article for item in found.matched], [miss.article for miss in found.almost]

    assert found.decision.verdict == decision.verdict
    assert names[0] == [item.article for item in decision.articles if item.article != "default"]
    assert sorted(names[0] + names[1]) == [
        article.id for article in given_one.articles if article.speaks_of(action.stage, action.name)
    ]


def check_derived_again(given_one: Constitution, action: Action) -> None:
    """From the facts as they are kept and the recorded answers comes the same verdict."""
    decision = given_one.decide(action)
    again = given_one.decide(
        Action(stage=action.stage, name=action.name, facts=kept(action.facts)), decision.answers
    )

    assert again.verdict == decision.verdict
    assert [item.article for item in again.articles] == [item.article for item in decision.articles]

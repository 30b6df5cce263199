"""The examples that articles carry, run against the constitution they belong to."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action, Stage

BACKGROUND: Mapping[str, Any] = {
    "principal": {"tenant": "default", "name": "ada", "kind": "user", "roles": []},
    "project": {"id": "", "blueprint": "", "requested_by": "", "workspace": "", "inputs": {}},
    "node": {"name": "", "attempt": 0, "tools": [], "memory": []},
    "capsule": {"name": "", "version": ""},
}
"""What an example has unless it says otherwise: a user, outside of any project."""


def check_examples(constitution: Constitution) -> list[str]:
    """What the examples in the constitution's articles get wrong; nothing if all hold."""
    articles = constitution.document.get("articles", [])
    return [problem for article in articles for problem in _problems(constitution, article)]


def _problems(constitution: Constitution, article: Mapping[str, Any]) -> Iterator[str]:
    for number, example in enumerate(article.get("tests", [])):
        stage = cast("Stage", example.get("stage") or article["stages"][0])
        decision = constitution.decide(completed(stage, example["action"], example.get("facts", {})))
        place = f"{article['id']}: tests[{number}] ({stage} {example['action']})"
        found = [item.article for item in decision.articles]
        if decision.verdict != example["verdict"]:
            why = "; ".join(f"{item.article}: {item.reason}" for item in decision.articles)
            yield f"{place}: expected {example['verdict']}, got {decision.verdict} ({why})"
        elif example["verdict"] == article["verdict"] and article["id"] not in found:
            yield f"{place}: got {decision.verdict}, but not by this article: {', '.join(found)}"


def completed(stage: Stage, name: str, given: Mapping[str, Any]) -> Action:
    """The action with these facts, and with the background where they say nothing."""
    task = {"name": name, "arguments": given.get("tool", {}).get("arguments", {})}
    facts = {**BACKGROUND, "task": task, "time": datetime.now(UTC)}
    for key, value in given.items():
        known = facts.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        facts[key] = {**known, **value} if both else value
    return Action(stage=stage, name=name, facts=facts)

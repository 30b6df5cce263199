"""The examples that articles carry, run against the constitution they belong to."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action, Decision, Stage
from blocks.constitution.terms import ApprovalTerms
from blocks.constitution.written import Terms

BACKGROUND: Mapping[str, Any] = {
    "principal": {"tenant": "default", "name": "ada", "kind": "user", "roles": [], "on_behalf_of": ""},
    "project": {"id": "", "blueprint": "", "requested_by": "", "workspace": "", "inputs": {}},
    "node": {"name": "", "attempt": 0, "tools": [], "memory": [], "budget": {}},
    "capsule": {"name": "", "version": "", "owner": "", "digest": ""},
    "data": {"labels": [], "arguments": {}, "seen": []},
    "environment": {"name": "", "runtime": ""},
    "budget": {"left": {}, "over": []},
    "history": [],
}
"""What an example has unless it says otherwise: a user, outside of any project, before anything happened."""


def check_examples(constitution: Constitution) -> list[str]:
    """What the examples in the constitution's articles get wrong; nothing if all hold."""
    articles = constitution.document.get("articles", [])
    return [problem for article in articles for problem in _problems(constitution, article)]


def _problems(constitution: Constitution, article: Mapping[str, Any]) -> Iterator[str]:
    for number, example in enumerate(article.get("tests", [])):
        stage = cast("Stage", example.get("stage") or article["stages"][0])
        decision = constitution.decide(completed(stage, example["action"], example.get("facts", {})))
        place = f"{article['id']}: tests[{number}] ({stage} {example['action']})"
        problem = _problem(decision, article, example)
        if problem:
            yield f"{place}: {problem}"


def _problem(decision: Decision, article: Mapping[str, Any], example: Mapping[str, Any]) -> str:
    """What is wrong with the answer; nothing if it is the expected one for the expected reason."""
    by = "; ".join(f"{item.article}: {item.reason}" for item in decision.articles)
    if decision.verdict != example["verdict"]:
        return f"expected {example['verdict']}, got {decision.verdict} ({by})"
    own = [item for item in decision.articles if item.article == article["id"]]
    if example["verdict"] == article["verdict"] and not own:
        names = ", ".join(item.article for item in decision.articles)
        return f"got {decision.verdict}, but not by this article: {names}"
    if any(item.reason.startswith("could not be evaluated") for item in own):
        return f"proves nothing: the article {own[0].reason}; give the facts that it reads"
    if "approve" in example:
        return _wrong_terms([item.terms for item in own], example["approve"])
    return ""


def _wrong_terms(found: list[ApprovalTerms | None], written: Mapping[str, Any]) -> str:
    wanted = Terms.model_validate(written).compiled()
    if wanted in found:
        return ""
    shown = ", ".join(str(terms.as_json()) for terms in found if terms) or "none of this article"
    return f"expected the terms {wanted.as_json()}, got {shown}"


def completed(stage: Stage, name: str, given: Mapping[str, Any]) -> Action:
    """The action with these facts, and with the background where they say nothing.

    The task has the arguments of the tool unless it is given its own, and the labels of all data are those
    of the arguments unless they are given.
    """
    tool, data = given.get("tool"), given.get("data")
    arguments = tool.get("arguments", {}) if isinstance(tool, Mapping) else {}
    facts: dict[str, Any] = {
        **BACKGROUND,
        "task": {"name": name, "arguments": arguments},
        "time": datetime.now(UTC),
    }
    if isinstance(data, Mapping) and isinstance(data.get("arguments"), Mapping):
        lists = [labels for labels in data["arguments"].values() if isinstance(labels, list)]
        labels = sorted({str(label) for listed in lists for label in listed})
        facts["data"] = {**BACKGROUND["data"], "labels": labels}
    for key, value in given.items():
        known = facts.get(key)
        added = isinstance(known, Mapping) and isinstance(value, Mapping)
        facts[key] = {**cast("Mapping[str, Any]", known), **value} if added else value
    return Action(stage=stage, name=name, facts=facts)

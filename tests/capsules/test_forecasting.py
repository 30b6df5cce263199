"""Forecasts: what is certain of a verdict before anything happens, and what only the run decides."""

from collections.abc import Mapping
from typing import Any

import pytest

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Stage
from blocks.constitution.describing import described
from blocks.constitution.document import parse_constitution
from capsules.forecasting import Forecast, forecast

HEAD = """apiVersion: soma/v1
kind: Constitution
metadata: {name: trial, version: '1.0.0'}
default: deny
articles:
"""
ARTICLE = "  - {{id: {id}, title: t, stages: [tool.call], verdict: {verdict}, reason: r{more}}}\n"


def article(name: str, verdict: str, when: str | None = None) -> str:
    more = f', when: "{when}"' if when else ""
    return ARTICLE.format(id=name, verdict=verdict, more=more)


def seen(articles: str, stage: Stage = "tool.call", facts: Mapping[str, Any] | None = None) -> Forecast:
    constitution: Constitution = parse_constitution(HEAD + articles, "trial")
    known = {"tool": {"name": "mail.send", "arguments": {}}} if facts is None else facts
    return forecast(constitution, described(stage, "mail.send", known))


ALLOW = article("allow-all", "allow")
ASKS = article("asks-far", "approve", "tool.arguments.to != 'me'")


@pytest.mark.parametrize(
    ("articles", "verdict", "deciding", "may"),
    [
        (ALLOW, "allow", "allow-all", []),
        (ALLOW + article("never", "deny", "tool.name == 'mail.send'"), "deny", "never", []),
        (ALLOW + article("never", "deny", "tool.name == 'other'"), "allow", "allow-all", []),
        (ALLOW + ASKS, "allow", "allow-all", ["asks-far"]),
        (
            ALLOW + article("late", "deny", "history.count('tool.call', '*') > 3"),
            "allow",
            "allow-all",
            ["late"],
        ),
        (ALLOW + article("told", "deny", "has_secret(tool.arguments)"), "allow", "allow-all", ["told"]),
        (article("some", "allow", "tool.arguments.to == 'me'"), "depends", "default", ["some"]),
        (article("hint", "warn", "principal.name == 'ada'") + ASKS, "warn", "hint", ["asks-far"]),
        (article("other", "allow", "tool.name == 'other'"), "deny", "default", []),
    ],
)
def test_what_reads_the_unknown_may_change_the_verdict(
    articles: str, verdict: str, deciding: str, may: list[str]
) -> None:
    """Certain articles give the verdict; stricter ones that read arguments or history are named."""
    found = seen(articles)

    assert (found.verdict, found.article) == (verdict, deciding)
    assert [item.article for item in found.may] == may


def test_a_launch_is_known_whole() -> None:
    """Its inputs are what will be launched, so an article about them is certain."""
    articles = """  - id: launch
    title: T
    stages: [project.launch]
    when: launch.inputs.repository == '/r'
    verdict: allow
    reason: "{launch.inputs.repository} is known"
"""
    facts = {"launch": {"inputs": {"repository": "/r"}}}
    found = seen(articles, "project.launch", facts)

    assert (found.verdict, found.reason, found.may) == ("allow", "/r is known", ())
    assert seen(articles, "project.launch", {"launch": {"inputs": {"repository": "/x"}}}).verdict == "deny"

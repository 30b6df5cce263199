"""Budgets of a project that is driven: its nodes share what the plan gave it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from blocks.budgets.amounts import UNIT
from blocks.budgets.limits import accounts_of
from blocks.records.ledger import list_nodes
from flows.project import run_project

pytestmark = pytest.mark.slow


def test_nodes_share_the_budget_of_their_project(toybox: Any, log: Path) -> None:
    """The second node is refused what the first has used up; time and calls stand in the accounts."""
    authority = {"tools": {"toy.finger": {}}, "budget": {"seconds": 600, "tool_calls": 5}}
    project = toybox.launch(
        toybox.node("one", "touch", authority=authority),
        toybox.node("two", "touch", needs=["one"], authority=authority),
        budget={"tool_calls": 1},
    )
    asyncio.run(run_project(project.id, return_state=True))
    nodes = toybox.query(lambda database: list_nodes(database, project.id))
    rows = toybox.query(lambda database: accounts_of(database, "default", project.id))
    found = {(row.node, row.kind): row for row in rows}

    assert [node.state for node in nodes] == ["completed", "denied"]
    assert "the project's 1 tool calls are used up" in nodes[1].reason
    assert log.read_text().split() == ["touched"]
    assert {place: row.spent for place, row in found.items() if place[1] == "tool_calls"} == {
        ("", "tool_calls"): UNIT,
        ("one", "tool_calls"): UNIT,
    }
    assert all(found[node, "seconds"].spent > 0 for node in ("", "one", "two"))
    assert not any(row.reserved for row in rows)

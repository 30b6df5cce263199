"""Upkeep, under the constitution that ships with the hub."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from blocks.records import approvals, projects
from blocks.records.tables import Approval, Project, now
from capsules.environment import SHIPPED_CONSTITUTION
from flows.upkeep import upkeep

pytestmark = pytest.mark.slow


def test_upkeep_closes_what_nobody_answered_and_is_allowed_to(
    toybox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped constitution lets the hub look after itself; an overdue approval expires."""
    monkeypatch.setenv("SOMA_CONSTITUTION", str(SHIPPED_CONSTITUTION))
    project: Project = toybox.launch(toybox.node("asks", approval={"question": "Go on?"}))

    async def overdue(database: Any) -> Approval:
        held = await projects.take_over(database, project.id, driver_run=None)
        async with database.session() as session:
            asked = await approvals.ask(
                session, held, node="asks", question="Go on?", details={}, action_digest="sha256:1"
            )
            asked.expires_at = now() - timedelta(seconds=1)
            session.add(asked)
        return asked

    asked = toybox.query(overdue)
    done = asyncio.run(upkeep())

    assert done["expired_approvals"] == [asked.id]
    assert toybox.query(lambda database: approvals.get_approval(database, asked.id)).state == "expired"

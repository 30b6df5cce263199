"""The time of an attempt: one clock tells it, and ends the body when nothing more is granted."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.audit.log import AuditLog
from blocks.constitution.decisions import Decision
from blocks.constitution.source import ConstitutionSource
from blocks.context import RunContext
from blocks.errors import PolicyDenied
from blocks.identity import Principal
from capsules import spending
from capsules.spending import Clock, timed

BEGUN = Decision(
    id="dec_1",
    verdict="allow",
    stage="capsule.start",
    action="toy",
    articles=(),
    constitution="",
    at=datetime.now(UTC),
)


@pytest.fixture
def context(tmp_path: Any) -> RunContext:
    async def forget(rows: Any) -> None: ...

    return RunContext(
        tenant="acme",
        principal=Principal(tenant="acme", name="ada"),
        constitution=ConstitutionSource(tmp_path / "none.yaml"),
        audit=AuditLog(forget),
    )


async def body() -> str:
    await asyncio.sleep(0)
    return "done"


def test_a_capsule_within_another_runs_on_the_outer_clock(context):
    """Only the outer one tells the time and ends it; the inner one ends nothing."""

    async def work() -> tuple[list[bool], str]:
        async with timed(context) as outer:
            async with timed(context) as inner:
                said = await inner.within(BEGUN, body())
            return [outer.own, inner.own], await outer.within(BEGUN, body()) + said

    assert asyncio.run(work()) == ([True, False], "donedone")


def test_a_body_without_time_is_ended_as_refused(context, monkeypatch):
    """Once nothing is granted, the body is cancelled and the refusal names the budget."""
    monkeypatch.setattr(spending, "GRACE", 0.01)

    class Spent(Clock):
        async def tell(self) -> None:
            self._granted = 0.0

    async def work() -> None:
        await Spent(context).within(BEGUN, asyncio.sleep(600))

    with pytest.raises(PolicyDenied, match="article budget"):
        asyncio.run(work())

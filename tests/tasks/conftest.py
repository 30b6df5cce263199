"""A constitution of a few lines, a context under it, and an audit log that keeps rows in a list."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from blocks.audit.log import AuditLog, Row, Sink
from blocks.constitution.constitution import Constitution
from blocks.constitution.document import parse_constitution
from blocks.constitution.source import ConstitutionSource
from blocks.context import RunContext
from blocks.identity import Principal

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\n'
ARTICLE = "default: allow\narticles:\n  - {id: A-1, title: t, stages: [task, tool.call], verdict: VERDICT, "
CONSTITUTIONS = {
    "allow": HEAD + "default: allow\narticles: []\n",
    **{
        verdict: HEAD + ARTICLE.replace("VERDICT", verdict) + "reason: 'not {task.name}'}\n"
        for verdict in ("deny", "approve", "redact", "warn")
    },
}


class Recorded(list[Row]):
    """The decisions that the audit log stored, and what else it stored."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[Row] = []

    async def take(self, rows: list[Row]) -> None:
        for row in rows:
            (self if row["kind"] == "decision" else self.outcomes).append(row)


async def forget(rows: list[Row]) -> None:
    """Stores nothing."""


def constitution(text: str) -> Constitution:
    return parse_constitution(CONSTITUTIONS.get(text, text), "test.yaml")


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture(scope="session")
def context_under() -> Iterator[Callable[..., RunContext]]:
    """Makes a run context under a constitution, given as text or by the verdict that it has on every task."""
    logs: list[AuditLog] = []

    def make(text: str, take: Sink = forget, **fields: Any) -> RunContext:
        logs.append(AuditLog(take))
        return RunContext(
            tenant=fields.pop("tenant", "acme"),
            principal=Principal(tenant="acme", name="ada"),
            constitution=ConstitutionSource(constitution(text)),
            audit=logs[-1],
            **fields,
        )

    yield make
    for log in logs:
        asyncio.run(log.close())


@pytest.fixture
def under(recorded: Recorded, context_under: Callable[..., RunContext]) -> Callable[..., RunContext]:
    """The same, with an audit log that stores into `recorded`."""
    return partial(context_under, take=recorded.take)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """A file to which bodies add a line, so that bodies in other processes are counted too."""
    path = tmp_path / "bodies"
    path.touch()
    return path

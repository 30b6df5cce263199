"""Attempts in other processes that work on although their nodes' timeouts are over.

A run ends its own attempt when its time is up. One whose interpreter is kept busy does not come to that.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from blocks.driver_runs import Drivers
from blocks.errors import TookTooLong, Unavailable
from blocks.records.database import Database
from blocks.records.ledger import give_up_attempt
from blocks.records.looking import count_ended, live_attempts
from blocks.records.tables import Attempt, now
from capsules.plan import PlanNode
from capsules.retrying import rest_before

GRACE = 5.0
"""Seconds that a run has to end its attempt by itself."""


async def overdue(database: Database, project: str, nodes: Mapping[str, PlanNode]) -> list[Attempt]:
    """Those of the attempts, given by id with their nodes, that have been at work for too long."""
    if all(node.timeout is None for node in nodes.values()):
        return []
    live = await live_attempts(database, project)
    return [attempt for attempt in live if attempt.id in nodes and _is_late(attempt, nodes[attempt.id])]


def _is_late(attempt: Attempt, node: PlanNode) -> bool:
    if node.timeout is None or attempt.started_at is None:
        return False
    return now() - attempt.started_at > timedelta(seconds=node.timeout + GRACE)


async def end_overdue(
    database: Database, prefect: Drivers, attempt: Attempt, node: PlanNode, run: str | None
) -> None:
    """Let the attempt have failed by its timeout, and have the worker end its run, if that still goes on."""
    error = TookTooLong(
        f"{node.id} took longer than its timeout of {node.timeout:g} seconds and did not stop"
    )
    failures = await count_ended(database, attempt, "failed")
    rest = rest_before(node.policy, failures + 1, error, attempt.id)
    due_at = now() + timedelta(seconds=rest) if rest else None
    again = rest is not None
    await give_up_attempt(database, attempt.id, error.message, again=again, state="failed", due_at=due_at)
    if run is not None:
        with suppress(Unavailable):  # its attempt is closed all the same; the reconciler finds what is left
            await prefect.set_state(f"flow_runs/{run}", "CANCELLING", error.message)

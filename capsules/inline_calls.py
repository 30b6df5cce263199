"""What the run of an inline node asks of Prefect's API: two calls, and now and then one for its lane.

Prefect shows a run as the child of another through a task run that stands for it there. One of its own for
each child, looked up, made and renamed, costs more than the child; so children that run one after another
share one: a lane. A lane is lent to one child at a time, for its state follows that of its child.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import httpx
from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas import FlowRun, State
from prefect.client.schemas.actions import FlowRunCreate
from prefect.context import TagsContext
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger
from prefect.states import Running, to_state_create

FlowLike = Flow[..., Any]
"""The flow of a capsule, for those whom `capsules.capsule` itself stands on."""
LANE = "inline"
LONGEST_SHOWN = 8_000
"""Characters of one parameter, as JSON, that Prefect is shown; the ledger and the store have all of it."""
PAUSES = (1.0, 3.0, 9.0)
"""Seconds between tries to tell Prefect how a run has ended, on top of those of Prefect's own client."""

_flow_ids: dict[tuple[str, str], UUID] = {}
"""The ids of flows by the server's address and their names; they never change."""
_asking: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""One lock for each event loop, for locks belong to the loop that they were first waited for in."""


class Lanes:
    """The lanes of one driver's run."""

    def __init__(self) -> None:
        self._free: list[UUID] = []
        self._made = 0

    @asynccontextmanager
    async def lend(self, client: PrefectClient, parent: UUID) -> AsyncIterator[UUID]:
        """A lane that nobody else has meanwhile."""
        lane = self._free.pop() if self._free else await self._make(client, parent)
        try:
            yield lane
        finally:
            self._free.append(lane)

    async def _make(self, client: PrefectClient, parent: UUID) -> UUID:
        self._made += 1
        name = f"{LANE}-{self._made}"
        asked = {"flow_run_id": str(parent), "name": name, "task_key": LANE, "dynamic_key": str(self._made)}
        response = await client.request("POST", "/task_runs/", json=asked)
        return UUID(response.json()["id"])


async def create_running(
    client: PrefectClient, flow: FlowLike, parameters: Mapping[str, Any], *, name: str, key: str, lane: UUID
) -> FlowRun:
    """Make the run, running already, in one call; asked again with the same key it is the same run."""
    try:
        return await _create(client, flow, parameters, name=name, key=key, lane=lane)
    except httpx.HTTPStatusError:
        if _flow_ids.pop((str(client.api_url), flow.name), None) is None:
            raise
    return await _create(client, flow, parameters, name=name, key=key, lane=lane)  # the flow was deleted


async def _create(
    client: PrefectClient, flow: FlowLike, parameters: Mapping[str, Any], *, name: str, key: str, lane: UUID
) -> FlowRun:
    asked = FlowRunCreate(
        flow_id=await _flow_id(client, flow.name),
        flow_version=flow.version,
        name=name,
        parameters=shown(flow.serialize_parameters(dict(parameters))),
        tags=sorted(TagsContext.get().current_tags),
        parent_task_run_id=lane,
        state=to_state_create(Running()),
        idempotency_key=key,
    )
    response = await client.request(
        "POST", "/flow_runs/", json=asked.model_dump(mode="json", exclude_unset=True)
    )
    return FlowRun.model_validate(response.json())


async def _flow_id(client: PrefectClient, name: str) -> UUID:
    """The flow's id, asked for by one at a time: of many nodes that start at once, the first one asks."""
    known = (str(client.api_url), name)
    async with _asking.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        if known not in _flow_ids:
            _flow_ids[known] = await client.create_flow_from_name(name)
        return _flow_ids[known]


def shown(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with a note in place of what is too long to be looked at."""
    lengths = {name: len(json.dumps(value, default=str)) for name, value in parameters.items()}
    return {
        name: value if lengths[name] <= LONGEST_SHOWN else f"[{lengths[name]:,} characters, not shown here]"
        for name, value in parameters.items()
    }


async def tell_end(client: PrefectClient, run: FlowRun, state: State[Any], *, force: bool = False) -> None:
    """Tell Prefect how the run has ended.

    The node's result is in the ledger already: an answer that never comes is worth a warning, not a failure.
    """
    for pause in (*PAUSES, None):
        try:
            said = await client.set_flow_run_state(run.id, state, force=force)
        except ObjectNotFound:
            return  # somebody has deleted the run
        except httpx.HTTPError as error:
            if pause is None:
                words = "flow run %s ended as %s, but Prefect could not be told: %s"
                get_logger("flow_runs").warning(words, run.id, state.name, type(error).__name__)
                return
            await asyncio.sleep(pause)
        else:
            run.state = said.state or state
            return

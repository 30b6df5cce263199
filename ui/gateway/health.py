"""Is the gateway alive, can it work, what does it count: the routes that need no token."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from blocks.errors import SomaError
from blocks.records.counts import read_figures
from blocks.records.tally import DecisionTally
from ui.gateway.hub import CurrentHub, Hub
from ui.gateway.meters import Meters, RecordMeters
from ui.gateway.problems import kind_of, problem
from ui.wire import Check, Readiness

router = APIRouter(tags=["health"])
PATIENCE = 3.0
"""Seconds that a part may take to answer before it counts as away."""


@router.get("/health")
async def health() -> dict[str, str]:
    """The gateway is alive; this asks nobody else."""
    return {"status": "alive"}


@router.get("/ready", response_model=Readiness)
async def ready(hub: CurrentHub) -> JSONResponse:
    """Whether the database, Prefect and memory answer; 503 with the list when one does not."""
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "database": hub.database.ping,
        "prefect": hub.drivers.ping,
        "memory": lambda: hub.memory.count(hub.settings.tenant),
    }
    checks = await asyncio.gather(*(_check(name, ask) for name, ask in asked.items()))
    told = [check.model_dump() for check in checks]
    away = [check.name for check in checks if not check.ok]
    if not away:
        return JSONResponse({"ready": True, "checks": told})
    return problem(
        503,
        f"not ready: {', '.join(away)} does not answer",
        kind=kind_of("NotReady"),
        title="Not ready",
        fields={"ready": False, "checks": told},
    )


async def _check(name: str, ask: Callable[[], Awaitable[object]]) -> Check:
    try:
        await asyncio.wait_for(_asked(ask), PATIENCE)
    except TimeoutError:
        return Check(name=name, ok=False, detail=f"no answer within {PATIENCE:g} s")
    except SomaError as error:
        return Check(name=name, ok=False, detail=error.message)
    except Exception as error:  # noqa: BLE001  # whatever it is, this part does not work
        return Check(name=name, ok=False, detail=type(error).__name__)
    return Check(name=name, ok=True)


async def _asked(ask: Callable[[], Awaitable[object]]) -> None:
    await ask()


@router.get("/metrics", response_class=Response)
async def metrics(request: Request, hub: CurrentHub) -> Response:
    """The meters in Prometheus' text format."""
    meters: Meters = request.app.state.meters
    await request.app.state.figures.read(hub, meters.records)
    return Response(meters.render(), media_type=meters.media_type)


class Figures:
    """Reads the records for the meters; of many who ask at once, one reads for all."""

    def __init__(self) -> None:
        self._tally = DecisionTally()
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")

    async def read(self, hub: Hub, meters: RecordMeters) -> None:
        """Bring the meters up to date; they are empty when the records do not answer."""
        asked = time.monotonic()
        async with self._lock:
            if self._read_at >= asked:
                return
            began = time.monotonic()
            try:
                readings = await asyncio.wait_for(read_figures(hub.database), PATIENCE)
                meters.hold(readings, await self._tally.read(hub.database))
            except (SomaError, TimeoutError):
                meters.forget()
            self._read_at = began

"""What every route works with: opened when the gateway starts, closed when it ends."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from blocks.audit.log import AuditLog
from blocks.constitution.source import ConstitutionSource
from blocks.driver_runs import Drivers
from blocks.memory.opening import open_memory
from blocks.memory.store import MemoryStore
from blocks.records.database import Database
from blocks.settings import Settings
from blocks.tracing.spans import start_tracing
from capsules.environment import audit_log, constitution_in_force


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The gateway's connections."""

    settings: Settings
    database: Database
    drivers: Drivers
    memory: MemoryStore
    constitution: ConstitutionSource
    audit: AuditLog


@asynccontextmanager
async def open_hub(settings: Settings) -> AsyncIterator[Hub]:
    """Open everything; what was opened is closed, whatever happens in between."""
    start_tracing("gateway")
    async with AsyncExitStack() as stack:
        database = Database(settings.database_address, pool_size=10)
        stack.push_async_callback(database.close)
        drivers = Drivers(settings.prefect_api_url)
        stack.push_async_callback(drivers.close)
        memory = await open_memory(settings)
        stack.push_async_callback(memory.close)
        audit = audit_log(settings)
        stack.push_async_callback(audit.close)
        constitution = constitution_in_force(settings)
        stack.callback(constitution.close)
        yield Hub(
            settings=settings,
            database=database,
            drivers=drivers,
            memory=memory,
            constitution=constitution,
            audit=audit,
        )


async def current_hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


CurrentHub = Annotated[Hub, Depends(current_hub)]

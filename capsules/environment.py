"""What a running capsule or driver stands on: records, results, the constitution and the audit log."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from blocks.audit.log import AuditLog
from blocks.budgets.till import AT_ONCE, Till
from blocks.constitution.active import ActiveConstitution
from blocks.constitution.source import ConstitutionSource
from blocks.context import RunContext, running
from blocks.identity import Principal
from blocks.records.audit import store_records
from blocks.records.database import Database
from blocks.records.holding import Lease, holding
from blocks.records.tables import Project
from blocks.results import ResultStore
from blocks.settings import Settings, load_settings
from blocks.tracing.spans import start_tracing

CONNECTIONS = 8
"""How many connections a run keeps once it has needed them: inline nodes share their driver's."""
PATIENCE = 120.0
"""Seconds for which a run outlasts a database that is away."""
SHIPPED_CONSTITUTION = Path(__file__).parent / "constitution.yaml"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One per flow run and event loop; capsules that run inline share their driver's."""

    settings: Settings
    database: Database
    results: ResultStore
    constitution: ConstitutionSource
    audit: AuditLog
    till: Till
    """Where budgets are charged."""
    lease: Lease
    """What says that this process is alive, from the moment on that work is claimed under it."""


_open: ContextVar[Environment | None] = ContextVar("open_environment", default=None)


@asynccontextmanager
async def environment() -> AsyncIterator[Environment]:
    """The environment of this run, opened here unless a caller has one open; what is opened is closed."""
    present = _open.get()
    if present is not None:
        yield present
        return
    settings = load_settings()
    start_tracing("run")
    database = Database(settings.database_address, pool_size=CONNECTIONS, patience=PATIENCE)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        audit = audit_log(settings, patience=PATIENCE)
        stack.push_async_callback(audit.close)
        constitution = constitution_in_force(settings)
        stack.callback(constitution.close)
        till = Till(partial(Database, settings.database_address, pool_size=AT_ONCE, patience=PATIENCE))
        stack.push_async_callback(till.close)
        opened = Environment(
            settings=settings,
            database=database,
            results=ResultStore(settings.results_path),
            constitution=constitution,
            audit=audit,
            till=till,
            lease=await stack.enter_async_context(holding(database, settings.lease_seconds)),
        )
        constitution.start()
        token = _open.set(opened)
        stack.callback(_open.reset, token)
        yield opened


def audit_log(settings: Settings, *, patience: float = 0.0) -> AuditLog:
    """The log of decisions; it stores from an event loop of its own, so it has a pool of its own."""
    database = Database(settings.database_address, pool_size=1, patience=patience)
    return AuditLog(partial(store_records, database), at_end=database.close)


def constitution_in_force(settings: Settings, tenant: str | None = None) -> ConstitutionSource:
    """The file that the settings name, for development; else what is activated for the tenant."""
    if settings.constitution:
        return ConstitutionSource(settings.constitution)
    return ActiveConstitution(
        tenant=tenant or settings.tenant,
        database=settings.database_address,
        valkey=settings.redis_address,
        keys=settings.keys_path,
        texts=constitution_texts(settings),
    )


def constitution_texts(settings: Settings) -> Path:
    """The folder of the texts that are in force, as far as this machine has seen them."""
    return settings.data_dir / "constitutions"


def project_facts(settings: Settings, project: Project) -> dict[str, Any]:
    """What the guard knows of the project that an action belongs to."""
    return {
        "blueprint": project.blueprint,
        "requested_by": project.requested_by,
        "inputs": project.inputs,
        "workspace": str(settings.workspaces_path / project.id),
    }


@asynccontextmanager
async def service_run(name: str = "prefect") -> AsyncIterator[Environment]:
    """An environment in which the hub itself acts, for the tenant of the settings."""
    async with environment() as opened:
        await opened.lease.take("run", None)
        with running(service_context(opened, name)):
            yield opened


def service_context(opened: Environment, name: str = "prefect") -> RunContext:
    """The context of a run that no person asked for: a schedule, or a run started in Prefect's UI."""
    tenant = opened.settings.tenant
    return RunContext(
        tenant=tenant,
        principal=Principal(tenant=tenant, name=name, kind="service"),
        constitution=opened.constitution,
        audit=opened.audit,
        environment=opened.settings.environment,
    )

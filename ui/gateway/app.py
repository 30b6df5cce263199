"""The gateway: the one door to the hub for people and programs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import Depends, FastAPI

from blocks.records.tenants import ensure_tenant
from blocks.settings import Settings
from blocks.signing_in.access_tokens import TokenKey
from capsules.shipped import ensure_constitution
from ui.gateway import (
    answer_links,
    approvals,
    artifacts,
    audit,
    budgets,
    bus,
    catalogue,
    constitutions,
    control,
    events,
    health,
    intake,
    jwks,
    limits,
    login,
    memory,
    messages,
    nodes,
    notifications,
    passports,
    policy,
    projects,
    replays,
    runlogs,
    sessions,
    shadow,
    tenants,
    tokens,
    triggers,
    users,
    webhooks,
)
from ui.gateway.auth import Doorkeeper, current_principal, ensure_token
from ui.gateway.edge import Edge, answered_hosts
from ui.gateway.forgetting import forgetting
from ui.gateway.hub import open_hub
from ui.gateway.installs import note_installed
from ui.gateway.meters import Meters
from ui.gateway.mirroring import mirroring
from ui.gateway.notices import notifying
from ui.gateway.problems import answer_with_problems
from ui.gateway.reconciler import reconciling
from ui.gateway.signing import signing_heads
from ui.gateway.triggering import triggering

GUARDED = (
    intake.router,
    sessions.router,
    projects.router,
    nodes.router,
    control.router,
    events.router,
    messages.router,
    artifacts.router,
    runlogs.router,
    approvals.router,
    catalogue.router,
    memory.router,
    notifications.router,
    login.router,
    users.router,
    tenants.router,
    tokens.router,
    triggers.router,
    bus.router,
    budgets.router,
    limits.router,
    shadow.router,  # before `constitutions`, which takes any name for a version's
    constitutions.router,
    policy.router,
    replays.router,
    audit.router,
)


def create_app(settings: Settings) -> FastAPI:
    """The gateway of these settings; it connects when it is started, not when it is made."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_hub(settings) as hub:
            app.state.hub, app.state.memory = hub, hub.memory
            token = ensure_token(settings.token_path)
            app.state.token_key = key = TokenKey.ensure(settings.keys_path)
            app.state.doorkeeper = Doorkeeper(token, settings.tenant, hub.database, key)
            await ensure_tenant(hub.database, settings.tenant)
            await ensure_constitution(hub.database, settings)
            await asyncio.to_thread(hub.constitution.current)  # from here on it is followed
            await hub.drivers.warm_up()
            await note_installed(hub)
            async with (
                mirroring(hub),
                notifying(hub),
                reconciling(hub),
                forgetting(hub),
                signing_heads(hub),
                triggering(hub) as app.state.triggering,
            ):
                yield

    app = FastAPI(
        title="SomaAgentHub",
        version=_version(),
        summary="Governed programs of autonomous agents, run as ordinary Prefect flows.",
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.settings, app.state.meters = settings, Meters(_version())
    app.state.figures = health.Figures()
    app.add_middleware(
        Edge, hosts=answered_hosts(settings.gateway_host, settings.public_url), meters=app.state.meters
    )
    answer_with_problems(app)
    _open_doors(app)
    return app


def _open_doors(app: FastAPI) -> None:
    """Every route; those of `GUARDED` take a token."""
    app.include_router(health.router)
    app.include_router(jwks.router)
    app.include_router(login.door)  # for those who have no token yet
    app.include_router(passports.door)  # for runs on other machines, which have none either
    app.include_router(answer_links.router)  # signed, and for one person
    app.include_router(webhooks.router)  # signed, so nobody needs a token
    for router in GUARDED:
        app.include_router(router, dependencies=[Depends(current_principal)])


def _version() -> str:
    try:
        return version("soma-agent-hub")
    except PackageNotFoundError:
        return "0.0.0"

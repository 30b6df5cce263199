"""What `soma doctor` asks the parts of a hub: those that are up, or that are elsewhere."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import asyncpg
import httpx
import psutil
from alembic.script import ScriptDirectory

from blocks.engines import postgres, prefect_server, valkey
from blocks.engines.prefect_server import credentials
from blocks.records.database import migrations
from blocks.settings import Settings
from ui.supervisor.checks import Check
from ui.supervisor.lock import running_hub

PATIENCE = 10.0
LOGS = {
    "database": "postgres",
    "valkey": "valkey",
    "prefect": "prefect",
    "work pool": "worker",
    "deployed": "runs",
    "gateway": "gateway",
}
START = "start it with `soma up`"


async def check_parts(settings: Settings) -> list[Check]:
    """One check for each part of the hub; embedded parts are left out while the hub is down."""
    up = running_hub(settings)
    state = f"{up.state}, pid {up.pid}, gateway {up.gateway}" if up else "not running"
    found = [Check(name="hub process", state="ok" if up else "warn", detail=state, mend="" if up else START)]
    asked: list[tuple[str, bool, Callable[[Settings], Awaitable[Check]]]] = [
        ("database", bool(up) or settings.database_url is not None, database),
        ("valkey", bool(up) or not valkey.needed(settings), key_value),
        ("prefect", bool(up) or not prefect_server.needed(settings), prefect_api),
        ("work pool", bool(up) or not prefect_server.needed(settings), work_pool),
        ("deployed", bool(up) or not prefect_server.needed(settings), deployed),
        ("gateway", bool(up), gateway),
    ]
    wanted = [_patiently(name, ask, settings) for name, wants, ask in asked if wants]
    return [*found, *await asyncio.gather(*wanted)]


async def _patiently(name: str, ask: Callable[[Settings], Awaitable[Check]], settings: Settings) -> Check:
    try:
        return await asyncio.wait_for(ask(settings), PATIENCE)
    except TimeoutError:
        detail = f"no answer within {PATIENCE:g} s"
    except (OSError, asyncpg.PostgresError, httpx.HTTPError, ValueError) as error:
        detail = f"does not answer: {type(error).__name__} {str(error).splitlines()[0] if str(error) else ''}"
    return Check(name=name, state="fail", detail=detail.strip(), mend=f"see `soma logs {LOGS[name]}`")


async def database(settings: Settings) -> Check:
    """Whether the records' database answers and has the newest schema."""
    connection = await asyncpg.connect(settings.database_address.replace("+asyncpg", "", 1), timeout=PATIENCE)
    try:
        server = await connection.fetchval("SHOW server_version")
        present = await connection.fetchval("SELECT to_regclass('alembic_version')")
        found = await connection.fetchval("SELECT version_num FROM alembic_version") if present else None
    finally:
        await connection.close()
    head = ScriptDirectory.from_config(migrations(settings.database_address)).get_current_head()
    where = "embedded" if postgres.needed(settings) else "elsewhere"
    detail = f"PostgreSQL {server}, {where}, schema {found}"
    if found != head:
        return Check(name="database", state="fail", detail=f"{detail}, not {head}", mend="run `soma up` once")
    return Check(name="database", state="ok", detail=detail)


async def key_value(settings: Settings) -> Check:
    if await valkey.ready(settings):
        return Check(name="valkey", state="ok", detail="answers")
    return Check(name="valkey", state="fail", detail="does not answer", mend="see `soma logs valkey`")


async def prefect_api(settings: Settings) -> Check:
    found = await _ask(settings, "GET", "/admin/version")
    ours = version("prefect")
    if found != ours:
        mend = f"run Prefect {ours} there, or install {found} here"
        return Check(name="prefect", state="warn", detail=f"server {found}, client {ours}", mend=mend)
    if open_to := await asyncio.to_thread(_reached_from_outside, settings):
        mend = "let it listen on 127.0.0.1 only: it asks nobody who they are"
        detail = f"{found} answers on {open_to}, an address of the network"
        return Check(name="prefect", state="fail", detail=detail, mend=mend)
    return Check(name="prefect", state="ok", detail=f"{found} at {settings.prefect_api_url}")


def _reached_from_outside(settings: Settings) -> str | None:
    """An address of this machine, other than its loopback, on which the hub's own Prefect answers."""
    if not prefect_server.needed(settings):
        return None  # whoever runs it looks after it
    port = settings.prefect_port + settings.port_offset
    for address in _addresses():
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=0.5):
            return address
    return None


def _addresses() -> list[str]:
    """This machine's addresses on its networks."""
    found = [entry.address for entries in psutil.net_if_addrs().values() for entry in entries]
    plain = [address for address in found if "." in address or (":" in address and "%" not in address)]
    return [address for address in plain if _is_of_a_network(address)]


def _is_of_a_network(address: str) -> bool:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:  # a network card's own address
        return False
    return not (known.is_loopback or known.is_unspecified)


async def work_pool(settings: Settings) -> Check:
    """Whether the work pool takes runs and a worker is there to take them."""
    pool = await _ask(settings, "GET", f"/work_pools/{settings.work_pool}")
    workers = await _ask(settings, "POST", f"/work_pools/{settings.work_pool}/workers/filter", {})
    online = [worker["name"] for worker in workers if worker.get("status") == "ONLINE"]
    name = f"{settings.work_pool} ({pool['type']})"
    if pool["is_paused"]:
        return Check(
            name="work pool", state="warn", detail=f"{name} is paused", mend="resume it in Prefect's UI"
        )
    if not online:
        return Check(
            name="work pool", state="fail", detail=f"{name} has no worker", mend="see `soma logs worker`"
        )
    return Check(name="work pool", state="ok", detail=f"{name}, {len(online)} worker online")


async def deployed(settings: Settings) -> Check:
    """Whether Prefect holds the project driver's deployment."""
    found = await _ask(settings, "POST", "/deployments/filter", {"limit": 200})
    entrypoints = {deployment["entrypoint"] for deployment in found}
    if "flows.project.run_project" not in entrypoints:
        detail = "Prefect does not know run-project/hub"
        return Check(
            name="deployed", state="fail", detail=detail, mend="run `prefect deploy --all`, or `soma up`"
        )
    return Check(name="deployed", state="ok", detail=f"{len(found)} deployments in Prefect")


async def gateway(settings: Settings) -> Check:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.get(f"{settings.gateway_url}/ready")
    if answer.is_success:
        return Check(name="gateway", state="ok", detail=settings.gateway_url)
    detail = answer.json().get("detail", f"status {answer.status_code}")
    return Check(name="gateway", state="fail", detail=detail, mend="see `soma logs gateway`")


async def _ask(settings: Settings, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    async with httpx.AsyncClient(timeout=PATIENCE, auth=credentials()) as client:
        answer = await client.request(method, f"{settings.prefect_api_url}{path}", json=body)
        return answer.raise_for_status().json()

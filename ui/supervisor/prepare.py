"""What a hub needs before it can work: the schema of its records, and its pool and deployments in Prefect.

Run in a process of its own, `python -m ui.supervisor.prepare records|prefect`, or forked from the fork
server, which has all of it loaded; the supervisor itself stays small.
"""

import asyncio
import contextlib
import importlib
import inspect
import sys

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from pydantic import SecretStr

from blocks.errors import SomaError
from blocks.memory.block import Memory
from blocks.records.database import Database, upgrade
from blocks.records.tenants import ensure_tenant, list_tenants
from blocks.settings import Settings, load_settings
from blocks.warm_worker.worker import WarmWorker
from capsules.shipped import ensure_constitution
from ui.gateway.auth import ensure_token
from ui.supervisor.deployments import apply_deployments, is_applied, note_applied
from ui.supervisor.pods import ensure_pod_pool

BLOCK_PACKAGE = "blocks"
MEMORY_BLOCK = "hub"


async def prepare(settings: Settings) -> None:
    """Bring the records and Prefect to where this version of the hub needs them; harmless to repeat."""
    await prepare_records(settings)
    await prepare_prefect(settings)


async def prepare_records(settings: Settings) -> None:
    """Bring the schema to the newest version, make the local tenant, and give all a constitution."""
    await upgrade(settings.database_address)
    database = Database(settings.database_address)
    try:
        await ensure_tenant(database, settings.tenant)
        for tenant in await list_tenants(database):
            await ensure_constitution(database, settings, tenant.id)
    finally:
        await database.close()


async def prepare_prefect(settings: Settings) -> None:
    """Make the work pool, register the blocks and apply the deployments, where they are not up to date."""
    async with get_client() as client:
        await ensure_work_pool(client, settings)
        await ensure_pod_pool(client, settings)
        if await is_applied(client, settings):
            return
        await register_blocks(client)
        await save_memory_block(settings)
        problems = await apply_deployments(client, settings)
        for problem in problems:
            sys.stderr.write(f"ERROR {problem}; its deployment is left as it was\n")
        if not problems:
            note_applied(settings)


async def ensure_work_pool(client: PrefectClient, settings: Settings) -> None:
    """Make the hub's work pool unless it is there."""
    try:
        await client.read_work_pool(settings.work_pool)
    except ObjectNotFound:
        with contextlib.suppress(ObjectAlreadyExists):  # the worker may have been faster
            await client.create_work_pool(
                WorkPoolCreate(
                    name=settings.work_pool,
                    type=WarmWorker.type,
                    description="Runs of SomaAgentHub, in processes forked from a warm interpreter.",
                    base_job_template=WarmWorker.get_default_base_job_template(),
                )
            )


async def register_blocks(client: PrefectClient) -> None:
    """Register the hub's block classes, so that they can be edited in Prefect's UI."""
    package = importlib.import_module(BLOCK_PACKAGE)
    for _, value in inspect.getmembers(package):
        if Block.is_block_class(value) and value is not Block:
            await value.aregister_type_and_schema(client=client)


async def save_memory_block(settings: Settings) -> None:
    """Save the hub's own memory as the block `soma-memory/hub`, unless there is one: people may edit it."""
    token = SecretStr(ensure_token(settings.token_path))
    block = Memory(gateway_url=settings.gateway_url, token=token)
    with contextlib.suppress(ValueError):
        await block.asave(MEMORY_BLOCK)


PARTS = {"records": prepare_records, "prefect": prepare_prefect}


def run_part(name: str) -> int:
    """Do one part and return an exit status; the reason of a failure goes to standard error."""
    try:
        asyncio.run(PARTS[name](load_settings()))
    except SomaError as error:
        sys.stderr.write(f"ERROR {error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(max(run_part(name) for name in sys.argv[1:]))

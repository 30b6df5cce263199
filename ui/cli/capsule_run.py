"""Running one capsule outside any project: a flow run of its deployment, waited for."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH, temporary_settings
from prefect.states import Scheduled

from blocks.errors import ApprovalNeeded, BadInput, NotFound, PolicyDenied, SomaError, Unavailable
from blocks.settings import Settings
from capsules.manifest import Manifest
from capsules.outputs import outputs_of

Say = Callable[[str], None]


def run_on_hub(
    manifest: Manifest, inputs: dict[str, Any], settings: Settings, *, said: Say
) -> dict[str, Any]:
    """Run the capsule through Prefect and return its outputs; a refusal or a failure is raised."""
    changed = {
        PREFECT_API_URL: settings.prefect_api_url,
        PREFECT_LOCAL_STORAGE_PATH: str(settings.results_path),
    }
    with temporary_settings(changed):
        try:
            return asyncio.run(_run(manifest, inputs, said))
        except (httpx.TransportError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "Failed to reach API" not in str(error):
                raise
            raise Unavailable(
                f"Prefect's API at {settings.prefect_api_url} does not answer; start the hub with `soma up`"
            ) from None


async def _run(manifest: Manifest, inputs: dict[str, Any], said: Say) -> dict[str, Any]:
    async with get_client() as client:
        deployment = await _deployment(client, manifest)
        try:
            run = await client.create_flow_run_from_deployment(
                deployment, parameters=inputs, state=Scheduled(), tags=["soma"]
            )
        except PrefectHTTPStatusError as error:
            raise BadInput(f"Prefect refused the inputs of {manifest.name}: {_detail(error)}") from None
        said(f"flow run {run.name} ({run.id})")
        state = await _final_state(client, run.id)
    if not state.is_completed():
        raise _ended(manifest, state)
    return outputs_of(manifest, await state.aresult())


async def _deployment(client: PrefectClient, manifest: Manifest) -> UUID:
    try:
        return (await client.read_deployment_by_name(f"{manifest.name}/hub")).id
    except ObjectNotFound:
        raise NotFound(
            f"capsule {manifest.name!r} is not deployed on this hub",
            mend=f"deploy its flow as `{manifest.name}/hub`: see docs/howto/write-a-capsule.md",
        ) from None


async def _final_state(client: PrefectClient, run: UUID) -> State[Any]:
    """The state that the run ends in, asked for at growing intervals."""
    pause = 0.1
    while True:
        found = await client.read_flow_run(run)
        if found.state is not None and found.state.is_final():
            return found.state
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, 2.0)


def _ended(manifest: Manifest, state: State[Any]) -> SomaError:
    message = state.message or f"its run ended {state.name}"
    if state.name == "PolicyDenied":
        return PolicyDenied(message)
    if state.name == "AwaitingApproval":
        return ApprovalNeeded(message)
    return SomaError(f"{manifest.name} ended {state.name}: {message}")


def _detail(error: PrefectHTTPStatusError) -> str:
    try:
        return str(error.response.json().get("detail", error.response.text))
    except ValueError:
        return error.response.text[:500]

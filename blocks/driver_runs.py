"""Driver runs: starting the flow that drives a project, and what Prefect's API tells and takes of others."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from blocks.errors import Unavailable
from blocks.prefect_api import PrefectApi, accepted

DEPLOYMENT = "run-project/hub"
PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between the tries to start a driver while Prefect is away; upkeep finds what is left over."""
AT_ONCE = 50
"""Projects whose runs are asked for in one call."""
UNFINISHED = {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"]}}}
logger = logging.getLogger("soma.gateway")


def run_name(project: str) -> str:
    """What the flow runs that drive the project are called."""
    return f"drive {project}"


class Drivers:
    """The deployment that drives projects, its runs, and what Prefect tells of others."""

    def __init__(self, api_url: str) -> None:
        self._api = PrefectApi(api_url)
        self._deployment: str | None = None
        self._retries: set[asyncio.Task[None]] = set()

    async def warm_up(self) -> None:
        """Look up the deployment and keep the connection, so that the first launch is fast too."""
        try:
            await self._find_deployment()
        except Unavailable as error:
            logger.info("not yet able to launch: %s", error.message)

    async def start(self, project: str, key: str) -> str:
        """Start a driver and return its flow run; the same `key` never starts a second one."""
        deployment = self._deployment or await self._find_deployment()
        body = {
            "parameters": {"project_id": project},
            "idempotency_key": f"{project}/{key}",
            "tags": [f"project:{project}"],
            "name": run_name(project),
        }
        path = f"deployments/{deployment}/create_flow_run"
        answer = await self._api.ask("POST", path, body, missing=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:  # deployed anew since
            path = f"deployments/{await self._find_deployment()}/create_flow_run"
            answer = await self._api.ask("POST", path, body)
        return str(answer.json()["id"])

    async def start_surely(self, project: str, key: str) -> str | None:
        """Start a driver now, or keep trying in the background while Prefect is away."""
        try:
            return await self.start(project, key)
        except Unavailable as error:
            logger.warning("the driver of %s could not be started yet: %s", project, error.message)
        retry = asyncio.create_task(self._persist(project, key))
        self._retries.add(retry)
        retry.add_done_callback(self._retries.discard)
        return None

    async def _persist(self, project: str, key: str) -> None:
        for pause in PATIENCE:
            await asyncio.sleep(pause)
            try:
                await self.start(project, key)
            except Unavailable:
                continue
            return
        logger.error("the driver of %s was not started; upkeep will try again", project)

    async def ping(self) -> None:
        """Answer when Prefect does, else raise `Unavailable`."""
        await self._api.ask("GET", "health")

    async def read(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """What Prefect finds at a `…/filter` path."""
        found: list[dict[str, Any]] = (await self._api.ask("POST", path, query)).json()
        return found

    async def get(self, path: str) -> Any:
        """What Prefect answers to a plain question."""
        return (await self._api.ask("GET", path)).json()

    async def set_state(self, path: str, kind: str, message: str, *, force: bool = False) -> bool:
        """Give a run (`flow_runs/ID` or `task_runs/ID`) a state; False when Prefect does not accept it."""
        state = {"type": kind, "name": kind.capitalize(), "message": message}
        return accepted(await self._api.send("POST", f"{path}/set_state", {"state": state, "force": force}))

    async def resume(self, run: str) -> bool:
        """Let a paused run go on; False when it is not paused any more, is gone, or Prefect is away."""
        try:
            return accepted(await self._api.send("POST", f"flow_runs/{run}/resume", {}))
        except Unavailable:
            return False

    async def unfinished(self, projects: list[str]) -> dict[str, list[dict[str, Any]]]:
        """The driver runs of these projects that have not ended, by project."""
        found: dict[str, list[dict[str, Any]]] = {}
        for start in range(0, len(projects), AT_ONCE):
            names = [run_name(project) for project in projects[start : start + AT_ONCE]]
            query = {"flow_runs": {"name": {"any_": names}, **UNFINISHED}, "limit": 200}
            for run in await self.read("flow_runs/filter", query):
                found.setdefault(str(run["name"]).removeprefix("drive "), []).append(run)
        return found

    async def close(self) -> None:
        for retry in self._retries:
            retry.cancel()
        await self._api.close()

    async def _find_deployment(self) -> str:
        self._deployment = str((await self._api.deployment(DEPLOYMENT))["id"])
        return self._deployment

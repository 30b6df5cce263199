"""Driver runs: starting the flow that drives a project, and what Prefect's API tells and takes of others.

Plain HTTP on one open connection: Prefect's own client would cost the gateway seconds of imports.
"""

import asyncio
import base64
import logging
import os
from typing import Any

import httpx

from blocks.errors import Unavailable

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


def prefect_credentials() -> dict[str, str]:
    """The Authorization header that Prefect's API asks for, from Prefect's own environment variables."""
    if key := os.environ.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    if secret := os.environ.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    return {}


class Drivers:
    """The open connection to Prefect's API, and the deployment that drives projects."""

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self.api_url + "/",
            headers={"X-Prefect-Api-Version": "0.8.4", **prefect_credentials()},
            timeout=httpx.Timeout(10.0, connect=2.0),
            limits=httpx.Limits(max_keepalive_connections=8, keepalive_expiry=300),
        )
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
        answer = await self._send("POST", f"deployments/{deployment}/create_flow_run", body)
        if answer.status_code == httpx.codes.NOT_FOUND:  # deployed anew since
            deployment = await self._find_deployment()
            answer = await self._send("POST", f"deployments/{deployment}/create_flow_run", body)
        if not answer.is_success:
            raise Unavailable(f"Prefect did not start {DEPLOYMENT!r}: {_reason(answer)}")
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
        answer = await self._send("GET", "health")
        if not answer.is_success:
            raise Unavailable(f"Prefect is not well: {_reason(answer)}")

    async def read(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """What Prefect finds at a `…/filter` path."""
        answer = await self._send("POST", path, query)
        if not answer.is_success:
            raise Unavailable(f"Prefect does not tell {path!r}: {_reason(answer)}")
        found: list[dict[str, Any]] = answer.json()
        return found

    async def get(self, path: str) -> Any:
        """What Prefect answers to a plain question."""
        answer = await self._send("GET", path)
        if not answer.is_success:
            raise Unavailable(f"Prefect does not tell {path!r}: {_reason(answer)}")
        return answer.json()

    async def set_state(self, path: str, kind: str, message: str, *, force: bool = False) -> bool:
        """Give a run (`flow_runs/ID` or `task_runs/ID`) a state; False when Prefect does not accept it."""
        state = {"type": kind, "name": kind.capitalize(), "message": message}
        answer = await self._send("POST", f"{path}/set_state", {"state": state, "force": force})
        return answer.is_success and answer.json().get("status") == "ACCEPT"

    async def resume(self, run: str) -> bool:
        """Let a paused run go on; False when it is not paused any more, is gone, or Prefect is away."""
        try:
            answer = await self._send("POST", f"flow_runs/{run}/resume", {})
        except Unavailable:
            return False
        return answer.is_success and answer.json().get("status") == "ACCEPT"

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
        await self._http.aclose()

    async def _find_deployment(self) -> str:
        answer = await self._send("GET", f"deployments/name/{DEPLOYMENT}")
        if not answer.is_success:
            raise Unavailable(
                f"Prefect has no deployment {DEPLOYMENT!r} yet",
                mend="`soma up` makes it; elsewhere run `prefect deploy --all`",
            )
        self._deployment = str(answer.json()["id"])
        return self._deployment

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"Prefect's API does not answer at {self.api_url}: {str(error) or type(error).__name__}"
            ) from error


def _reason(answer: httpx.Response) -> str:
    return f"HTTP {answer.status_code} {answer.text[:300]}"

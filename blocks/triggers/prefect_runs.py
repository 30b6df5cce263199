"""What triggers ask of Prefect: runs of `run-blueprint`, schedules on deployments of it, and events.

Plain HTTP on one open connection, as for drivers: Prefect's own client would cost the gateway seconds.
"""

from http import HTTPStatus
from typing import Any

import httpx

from blocks.driver_runs import prefect_credentials
from blocks.errors import BadInput, Unavailable
from blocks.records.trigger_tables import Delivery, Trigger

DEPLOYMENT = "run-blueprint/hub"
CATCH_UP = "catch-up:"
"""The tag of a deployment that says what is done about missed runs: `catch-up:skip`, `latest` or `all`."""
_COPIED = ("flow_id", "entrypoint", "path", "pull_steps", "work_pool_name", "work_queue_name", "version")
_COPIED_TOO = ("parameter_openapi_schema", "enforce_parameter_schema", "job_variables")


class BlueprintRuns:
    """The open connection to Prefect's API."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=api_url.rstrip("/") + "/",
            headers={"X-Prefect-Api-Version": "0.8.4", **prefect_credentials()},
            timeout=httpx.Timeout(10.0, connect=2.0),
        )

    async def start(self, delivery: Delivery, trigger: Trigger) -> str:
        """Start a run for the delivery and return its id; for the same try it is the same run."""
        deployment = await self._deployment()
        body = {
            "parameters": {"blueprint": trigger.blueprint, "delivery": delivery.id},
            "idempotency_key": f"{delivery.id}/{delivery.tries}",
            "tags": [f"trigger:{trigger.name}"],
            "name": f"{trigger.blueprint} for {trigger.name}",
        }
        answer = await self._send("POST", f"deployments/{deployment['id']}/create_flow_run", body)
        return str(answer.json()["id"])

    async def has_ended(self, flow_run: str) -> str | None:
        """The name of the state in which the run ended, `Deleted` if it is gone, None while it goes on."""
        answer = await self._send("GET", f"flow_runs/{flow_run}", missing=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return "Deleted"
        state = answer.json().get("state") or {}
        over = state.get("type") in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        return str(state["name"]) if over else None

    async def schedule(self, trigger: Trigger) -> str:
        """Make the deployment that has the trigger's schedule, or bring it in line; return its id."""
        hub = await self._deployment()
        body = {name: hub.get(name) for name in (*_COPIED, *_COPIED_TOO)}
        body |= {
            "name": deployment_name(trigger),
            "description": f"The schedule of the trigger {trigger.name!r}, made by {trigger.created_by}.",
            "parameters": {"blueprint": trigger.blueprint, "trigger": trigger.id},
            "tags": [f"trigger:{trigger.name}", CATCH_UP + trigger.catch_up],
            "schedules": [{"schedule": schedule_of(trigger.source), "active": True}],
            "paused": not trigger.active,
        }
        answer = await self._send("POST", "deployments/", {k: v for k, v in body.items() if v is not None})
        return str(answer.json()["id"])

    async def pause(self, deployment: str, *, paused: bool) -> None:
        """Let a schedule make no runs, or runs again; those it had made and not started are taken back."""
        await self._send("PATCH", f"deployments/{deployment}", {"paused": paused}, missing=True)

    async def unschedule(self, deployment: str) -> None:
        """Remove the deployment with its schedule; harmless when it is gone."""
        await self._send("DELETE", f"deployments/{deployment}", missing=True)

    async def tell(self, events: list[dict[str, Any]]) -> None:
        """Tell Prefect of events, for its automations and its UI; the same id twice is one event."""
        if events:
            await self._send("POST", "events", events)

    async def close(self) -> None:
        await self._http.aclose()

    async def _deployment(self) -> dict[str, Any]:
        answer = await self._send("GET", f"deployments/name/{DEPLOYMENT}", missing=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise Unavailable(
                f"Prefect has no deployment {DEPLOYMENT!r} yet",
                mend="`soma up` makes it; elsewhere run `prefect deploy --all`",
            )
        found: dict[str, Any] = answer.json()
        return found

    async def _send(
        self, method: str, path: str, body: Any = None, *, missing: bool = False
    ) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise Unavailable(f"Prefect's API does not answer at {self._http.base_url}: {said}") from None
        if answer.is_success or (missing and answer.status_code == HTTPStatus.NOT_FOUND):
            return answer
        kind = BadInput if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY else Unavailable
        raise kind(f"Prefect does not take it: {_reason(answer)}")


def deployment_name(trigger: Trigger) -> str:
    """What the deployment of a schedule is called; its flow is `run-blueprint`."""
    return f"trigger:{trigger.tenant}:{trigger.name}"


def schedule_of(source: dict[str, Any]) -> dict[str, Any]:
    """The schedule as Prefect's API takes it."""
    zone = source.get("timezone") or "UTC"
    if "cron" in source:
        return {"cron": source["cron"], "timezone": zone}
    return {"interval": source["interval"], "anchor_date": source.get("anchor"), "timezone": zone}


def _reason(answer: httpx.Response) -> str:
    try:
        said = answer.json()
        problems = said.get("exception_detail") or said.get("detail") or said
        if isinstance(problems, list):
            told = [str(item.get("msg", item)) for item in problems]
            values = [text.removeprefix("Value error, ") for text in told if text.startswith("Value error")]
            return "; ".join(values or told)[:500]  # the rest says that it is no other sort of schedule
    except ValueError:
        problems = answer.text
    return f"HTTP {answer.status_code} {problems}"[:500]

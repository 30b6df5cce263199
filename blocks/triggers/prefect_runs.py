"""What triggers ask of Prefect: runs of `run-blueprint`, schedules on deployments of it, and events."""

from http import HTTPStatus
from typing import Any

from blocks.prefect_api import ENDED, PrefectApi
from blocks.records.trigger_tables import Delivery, Trigger

DEPLOYMENT = "run-blueprint/hub"
CATCH_UP = "catch-up:"
"""The tag of a deployment that says what is done about missed runs: `catch-up:skip`, `latest` or `all`."""
_COPIED = ("flow_id", "entrypoint", "path", "pull_steps", "work_pool_name", "work_queue_name", "version")
_COPIED_TOO = ("parameter_openapi_schema", "enforce_parameter_schema", "job_variables")


class BlueprintRuns:
    """The runs and schedules of blueprints in Prefect."""

    def __init__(self, api_url: str) -> None:
        self._api = PrefectApi(api_url)

    async def start(self, delivery: Delivery, trigger: Trigger) -> str:
        """Start a run for the delivery and return its id; for the same try it is the same run."""
        deployment = await self._api.deployment(DEPLOYMENT)
        body = {
            "parameters": {"blueprint": trigger.blueprint, "delivery": delivery.id},
            "idempotency_key": f"{delivery.id}/{delivery.tries}",
            "tags": [f"trigger:{trigger.name}"],
            "name": f"{trigger.blueprint} for {trigger.name}",
        }
        answer = await self._api.ask("POST", f"deployments/{deployment['id']}/create_flow_run", body)
        return str(answer.json()["id"])

    async def has_ended(self, flow_run: str) -> str | None:
        """The name of the state in which the run ended, `Deleted` if it is gone, None while it goes on."""
        answer = await self._api.ask("GET", f"flow_runs/{flow_run}", missing=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return "Deleted"
        state = answer.json().get("state") or {}
        return str(state["name"]) if state.get("type") in ENDED else None

    async def schedule(self, trigger: Trigger) -> str:
        """Make the deployment that has the trigger's schedule, or bring it in line; return its id."""
        hub = await self._api.deployment(DEPLOYMENT)
        body = {name: hub.get(name) for name in (*_COPIED, *_COPIED_TOO)}
        body |= {
            "name": deployment_name(trigger),
            "description": f"The schedule of the trigger {trigger.name!r}, made by {trigger.created_by}.",
            "parameters": {"blueprint": trigger.blueprint, "trigger": trigger.id},
            "tags": [f"trigger:{trigger.name}", CATCH_UP + trigger.catch_up],
            "schedules": [{"schedule": schedule_of(trigger.source), "active": True}],
            "paused": not trigger.active,
        }
        answer = await self._api.ask("POST", "deployments/", {k: v for k, v in body.items() if v is not None})
        return str(answer.json()["id"])

    async def pause(self, deployment: str, *, paused: bool) -> None:
        """Let a schedule make no runs, or runs again; those it had made and not started are taken back."""
        await self._api.ask("PATCH", f"deployments/{deployment}", {"paused": paused}, missing=True)

    async def unschedule(self, deployment: str) -> None:
        """Remove the deployment with its schedule; harmless when it is gone."""
        await self._api.ask("DELETE", f"deployments/{deployment}", missing=True)

    async def tell(self, events: list[dict[str, Any]]) -> None:
        """Tell Prefect of events, for its automations and its UI; the same id twice is one event."""
        if events:
            await self._api.ask("POST", "events", events)

    async def close(self) -> None:
        await self._api.close()


def deployment_name(trigger: Trigger) -> str:
    """What the deployment of a schedule is called; its flow is `run-blueprint`."""
    return f"trigger:{trigger.tenant}:{trigger.name}"


def schedule_of(source: dict[str, Any]) -> dict[str, Any]:
    """The schedule as Prefect's API takes it."""
    zone = source.get("timezone") or "UTC"
    if "cron" in source:
        return {"cron": source["cron"], "timezone": zone}
    return {"interval": source["interval"], "anchor_date": source.get("anchor"), "timezone": zone}

"""Making the paused runs by which questions can be answered in Prefect, and ending them.

Plain HTTP on one open connection, as for drivers: Prefect's own client would cost the gateway seconds.
"""

import json
from http import HTTPStatus
from typing import Any

import httpx

from blocks.driver_runs import prefect_credentials
from blocks.errors import Unavailable
from blocks.questions.prefect_form import DEPLOYMENT, KEYSET, SCHEMA, description, paused_run
from blocks.records.tables import Approval

WORDS = {
    "approved": "approved",
    "rejected": "rejected",
    "sent_back": "sent back for changes",
    "expired": "not answered in time, which counts as a refusal",
    "withdrawn": "not needed any more",
}


class QuestionRuns:
    """The open connection to Prefect's API."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=api_url.rstrip("/") + "/",
            headers={"X-Prefect-Api-Version": "0.8.4", **prefect_credentials()},
            timeout=httpx.Timeout(10.0, connect=2.0),
        )

    async def show(self, approval: Approval) -> str:
        """Make the paused run of the question and return its id; asked again, it is the same run."""
        deployment = await self._send("GET", f"deployments/name/{DEPLOYMENT}")
        if deployment.status_code == HTTPStatus.NOT_FOUND:
            raise Unavailable(
                f"Prefect has no deployment {DEPLOYMENT!r} yet",
                mend="`soma up` makes it; elsewhere run `prefect deploy --all`",
            )
        path = f"deployments/{_checked(deployment).json()['id']}/create_flow_run"
        run = str(_checked(await self._send("POST", path, paused_run(approval))).json()["id"])
        for name, value in (
            ("schema", json.dumps(SCHEMA)),
            ("description", json.dumps(description(approval))),
        ):
            answer = await self._send("POST", f"flow_runs/{run}/input", {"key": KEYSET[name], "value": value})
            if answer.status_code != HTTPStatus.CONFLICT:  # an earlier try came so far
                _checked(answer)
        return run

    async def close_run(self, approval: Approval) -> bool:
        """End the paused run of a question that was answered elsewhere; False while it is at work itself."""
        answer = await self._send("GET", f"flow_runs/{approval.run}")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return True
        kind = (_checked(answer).json().get("state") or {}).get("type")
        if kind != "PAUSED":
            return kind in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        by = f" by {approval.decided_by}" if approval.decided_by else ""
        state = {
            "type": "COMPLETED",
            "name": "Expired" if approval.state == "expired" else "Answered",
            "message": f"It was {WORDS.get(approval.state, approval.state)}{by}.",
        }
        done = await self._send(
            "POST", f"flow_runs/{approval.run}/set_state", {"state": state, "force": True}
        )
        return bool(_checked(done).json().get("status") == "ACCEPT")

    async def close(self) -> None:
        await self._http.aclose()

    async def _send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise Unavailable(f"Prefect's API does not answer at {self._http.base_url}: {said}") from None


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise Unavailable(f"Prefect does not take it: HTTP {answer.status_code} {answer.text[:300]}")
    return answer

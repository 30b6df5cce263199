"""Making the paused runs by which questions can be answered in Prefect, and ending them."""

import json
from http import HTTPStatus

from blocks.errors import Unavailable
from blocks.prefect_api import ENDED, PrefectApi, accepted
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
    """The runs of questions in Prefect."""

    def __init__(self, api_url: str) -> None:
        self._api = PrefectApi(api_url)

    async def show(self, approval: Approval) -> str:
        """Make the paused run of the question and return its id; asked again, it is the same run."""
        path = f"deployments/{(await self._api.deployment(DEPLOYMENT))['id']}/create_flow_run"
        run = str((await self._api.ask("POST", path, paused_run(approval))).json()["id"])
        for name, value in (
            ("schema", json.dumps(SCHEMA)),
            ("description", json.dumps(description(approval))),
        ):
            body = {"key": KEYSET[name], "value": value}
            answer = await self._api.send("POST", f"flow_runs/{run}/input", body)
            if (
                not answer.is_success and answer.status_code != HTTPStatus.CONFLICT
            ):  # an earlier try came so far
                raise Unavailable(f"Prefect does not take the form of a question: HTTP {answer.status_code}")
        return run

    async def close_run(self, approval: Approval) -> bool:
        """End the paused run of a question that was answered elsewhere; False while it is at work itself."""
        answer = await self._api.ask("GET", f"flow_runs/{approval.run}", missing=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return True
        kind = (answer.json().get("state") or {}).get("type")
        if kind != "PAUSED":
            return kind in ENDED
        by = f" by {approval.decided_by}" if approval.decided_by else ""
        state = {
            "type": "COMPLETED",
            "name": "Expired" if approval.state == "expired" else "Answered",
            "message": f"It was {WORDS.get(approval.state, approval.state)}{by}.",
        }
        body = {"state": state, "force": True}
        return accepted(await self._api.ask("POST", f"flow_runs/{approval.run}/set_state", body))

    async def close(self) -> None:
        await self._api.close()

"""Prefect's API over plain HTTP, on one open connection.

Prefect's own client would cost the gateway seconds of imports.
"""

import base64
import os
from http import HTTPStatus
from typing import Any

import httpx

from blocks.errors import BadInput, Unavailable

ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
"""The types of the states that a run does not leave any more."""
VERSION = "0.8.4"


class PrefectApi:
    """The open connection; what it cannot get or give is `Unavailable`."""

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self.api_url + "/",
            headers={"X-Prefect-Api-Version": VERSION, **_credentials()},
            timeout=httpx.Timeout(10.0, connect=2.0),
            limits=httpx.Limits(max_keepalive_connections=8, keepalive_expiry=300),
        )

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What Prefect answers, be it a refusal; `Unavailable` when there is no answer."""
        try:
            return await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise Unavailable(f"Prefect's API does not answer at {self.api_url}: {said}") from error

    async def ask(self, method: str, path: str, body: Any = None, *, missing: bool = False) -> httpx.Response:
        """The answer of a call that was taken; with `missing`, that the thing is not there is an answer too.

        What Prefect finds wrong with the body is `BadInput`, any other refusal `Unavailable`.
        """
        answer = await self.send(method, path, body)
        if answer.is_success or (missing and answer.status_code == HTTPStatus.NOT_FOUND):
            return answer
        kind = BadInput if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY else Unavailable
        raise kind(f"Prefect does not take {method} {path!r}: {_reason(answer)}")

    async def deployment(self, name: str) -> dict[str, Any]:
        """The deployment of that name (`flow/deployment`)."""
        answer = await self.ask("GET", f"deployments/name/{name}", missing=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise Unavailable(
                f"Prefect has no deployment {name!r} yet",
                mend="`soma up` makes it; elsewhere run `prefect deploy --all`",
            )
        found: dict[str, Any] = answer.json()
        return found

    async def close(self) -> None:
        await self._http.aclose()


def accepted(answer: httpx.Response) -> bool:
    """Whether Prefect took a new state."""
    return answer.is_success and answer.json().get("status") == "ACCEPT"


def _credentials() -> dict[str, str]:
    """The Authorization header that Prefect's API asks for, from Prefect's own environment variables."""
    if key := os.environ.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    if secret := os.environ.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    return {}


def _reason(answer: httpx.Response) -> str:
    """What Prefect says is wrong, without the parts that only say that it is no other sort of thing."""
    try:
        said = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code} {answer.text}"[:500]
    problems = said.get("exception_detail") or said.get("detail") or said if isinstance(said, dict) else said
    if isinstance(problems, list):
        told = [str(item.get("msg", item)) if isinstance(item, dict) else str(item) for item in problems]
        values = [text.removeprefix("Value error, ") for text in told if text.startswith("Value error")]
        return "; ".join(values or told)[:500]
    return f"HTTP {answer.status_code} {problems}"[:500]

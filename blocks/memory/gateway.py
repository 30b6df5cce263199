"""One request to the gateway, and its refusals as the hub's own errors."""

import ssl
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from blocks.errors import BadInput, Conflict, Forbidden, NotFound, SomaError, Unauthenticated, Unavailable
from blocks.tracing.spans import carried

_ERRORS: dict[int, type[SomaError]] = {
    HTTPStatus.BAD_REQUEST: BadInput,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: BadInput,
    HTTPStatus.UNPROCESSABLE_ENTITY: BadInput,
    HTTPStatus.UNAUTHORIZED: Unauthenticated,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.SERVICE_UNAVAILABLE: Unavailable,
}
_TRIES = 3
_PATIENCE = httpx.Timeout(60, connect=5)


async def ask(url: str, token: str, method: str, path: str, body: Any = None) -> Any:  # JSON in and out
    """The answer's JSON (None when it is empty), or the error that the gateway's problem stands for."""
    try:
        answer = await _send(url, token, method, path, body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(
            f"the gateway at {url} does not answer ({type(error).__name__})",
            mend="start the hub with `soma up`, or see `soma doctor`",
        ) from None
    if answer.is_success:
        return answer.json() if answer.content else None
    raise _ERRORS.get(answer.status_code, SomaError)(_detail(answer))


async def _send(url: str, token: str, method: str, path: str, body: Any) -> httpx.Response:
    # A connection that was never made is tried again: that repeats no request.
    transport = httpx.AsyncHTTPTransport(verify=_trusted(), retries=_TRIES, trust_env=False)
    headers = {"Authorization": f"Bearer {token}", **carried()}
    # A transport of our own also passes by the proxies of the environment, which loopback must.
    how: dict[str, Any] = {"transport": transport} if _is_here(url) else {"verify": _trusted()}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_PATIENCE, **how) as client:
        return await client.request(method, path, json=body)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the gateway answered {answer.status_code}"

"""How a client reaches the gateway: requests whose failures are the hub's own errors.

The calls stand in mixins of their own, one file a theme (`ui/client_constitutions.py`). To add some: write
`class SomeCalls(Transport)` with methods that use `_get`, `_post`, `_put`, `_delete` or `_send`, and name
the class among those that `HubClient` in `ui/client.py` inherits.
"""

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from blocks.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    SomaError,
    TooManyTries,
    Unauthenticated,
    Unavailable,
)

PATIENCE = httpx.Timeout(30.0, connect=5.0)
BY_STATUS: Mapping[int, type[SomaError]] = {
    400: BadInput,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: BadInput,
    409: Conflict,
    413: BadInput,
    421: BadInput,
    422: BadInput,
    429: TooManyTries,
    503: Unavailable,
}


class Transport:
    """One connection to the gateway, with a token, or without one to sign in."""

    def __init__(self, url: str, token: str, *, renew: Callable[[], str | None] | None = None) -> None:
        """`renew` gives another token in place of one that is over, if there is one."""
        self.url = url.rstrip("/")
        self._renew = renew
        self._http = httpx.Client(base_url=self.url, timeout=PATIENCE)
        self.speak_for(token)

    def speak_for(self, token: str) -> None:
        """Send this token from now on; none with an empty one, as before signing in."""
        self._http.headers.pop("Authorization", None)
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _get(self, path: str, **query: Any) -> Any:
        return self._send("GET", path, params=query).json()

    def _post(self, path: str, body: Any = None) -> Any:
        return self._send("POST", path, json=body).json()

    def _put(self, path: str, body: Any = None) -> Any:
        return self._send("PUT", path, json=body).json()

    def _delete(self, path: str) -> None:
        self._send("DELETE", path)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self._asked(method, path, **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._renewed():
            answer = self._asked(method, path, **options)
        if not answer.is_success:
            raise error_of(answer)
        return answer

    def _asked(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._away(error) from error

    def _renewed(self) -> bool:
        """Whether there is another token to try; from now on it is sent."""
        token = self._renew() if self._renew is not None else None
        if token is None or self._http.headers.get("Authorization") == f"Bearer {token}":
            return False
        self.speak_for(token)
        return True

    def _away(self, error: httpx.HTTPError) -> Unavailable:
        if isinstance(error, httpx.ConnectError):
            return Unavailable(f"the hub does not answer at {self.url}; start it with `soma up`")
        return Unavailable(f"the hub at {self.url} broke off: {str(error) or type(error).__name__}")


def error_of(answer: httpx.Response) -> SomaError:
    """The error that a problem document stands for: the class it names, else one of the same status."""
    try:
        said = answer.json()
        told = dict(said) if isinstance(said, dict) else {}
    except ValueError:
        told = {}
    detail = str(told.pop("detail", "") or f"the gateway answered HTTP {answer.status_code}")
    name = str(told.pop("type", "")).removeprefix("urn:soma:problem:").replace("-", "")
    fallback = BY_STATUS.get(answer.status_code, SomaError)
    kind = next((known for known in _family(SomaError) if known.__name__.lower() == name), fallback)
    fields = {key: value for key, value in told.items() if key not in {"title", "status", "instance"}}
    fields.pop("message", None)
    return kind(detail, **fields)


def _family(kind: type[SomaError]) -> Iterator[type[SomaError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def segment(name: str) -> str:
    """One path segment, whatever the name holds."""
    return quote(name, safe="", errors="replace")

"""The edge of the gateway: which host it answers for, how much it reads, what it counts, what it hides."""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blocks.tracing.spans import QUIET, Span, span
from ui.gateway.meters import Meters
from ui.gateway.problems import Malformed, TooLarge, WrongHost, of_error, of_surprise

BODY_LIMIT = 2**20
UNSEEN = frozenset({"/health", "/ready", "/metrics"})
"""What is asked every few seconds is no part of any trace."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def answered_hosts(listens_on: str, public_url: str | None = None) -> frozenset[str] | None:
    """The names in a Host header that a gateway listening there answers for; None means any.

    A gateway on loopback answers for loopback names only, so that a page whose name was
    re-bound to 127.0.0.1 cannot read from it, and for the name under which people reach it through a proxy.
    One that listens to a network has a name of its own there.
    """
    bare = listens_on.strip("[]")
    named = {host_of(urlsplit(public_url).netloc.rpartition("@")[2])} if public_url else set()
    return LOOPBACK | named if bare in {"127.0.0.1", "localhost", "::1"} else None


class Edge:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str] | None, meters: Meters) -> None:
        self.app = app
        self.hosts = None if hosts is None else frozenset(hosts)
        self.meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with _seen(scope) as seen:
            try:
                await self._answer(scope, receive, watched)
            finally:
                route = route_of(scope)
                self.meters.count(scope["method"], route, status, time.perf_counter() - began)
                seen.rename(f"{scope['method']} {route}")
                seen.say({"http.route": route, "http.response.status_code": status})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if self.hosts is not None and host_of(headers.get("host", "")) not in self.hosts:
            await of_error(WrongHost(), scope["path"])(scope, receive, send)
        elif "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await of_error(Malformed(), None)(scope, receive, send)
        elif _declared(headers) > BODY_LIMIT:
            await of_error(TooLarge(), scope["path"])(scope, receive, send)
        else:
            await self._guarded(scope, _bounded(receive), send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:  # nothing may leave without an answer
            response = of_surprise(error, scope["path"])
            if started:
                raise
            await response(scope, receive, send)


def _seen(scope: Scope) -> AbstractContextManager[Span]:
    """The span of a request; it goes on with the trace of a caller who names one."""
    if scope["path"] in UNSEEN:
        return QUIET
    facts = {"http.request.method": scope["method"], "url.path": scope["path"]}
    return span(scope["method"], facts, parent=Headers(scope=scope).get("traceparent"), kind="server")


def host_of(header: str) -> str:
    """The name in a Host header, without the port."""
    name, bracket, _ = header.partition("]")
    return (name + bracket if bracket else header.partition(":")[0]).lower()


def route_of(scope: Scope) -> str:
    """The template of the route, never the path itself: a label must have few values."""
    return getattr(scope.get("route"), "path", "unmatched")


def _declared(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdigit() else 0


def _bounded(receive: Receive) -> Receive:
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > BODY_LIMIT:
            raise HTTPException(TooLarge.status) from TooLarge()
        return message

    return counted

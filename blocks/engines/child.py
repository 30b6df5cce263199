"""What the supervisor needs to know of a process that the hub runs, and how such a process is tied to it."""

import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from blocks.settings import Settings

PR_SET_PDEATHSIG = 1


async def _at_once() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Child:
    """One process of the hub: how it is started, when it is ready, how it is stopped."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]] = _at_once
    """Answers whether the process does its work; asked again and again until it does."""
    ready_seconds: float = 180
    before: Callable[[], Awaitable[None]] | None = None
    """Run before every start: removes what a killed predecessor left."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 2.5
    death_signal: signal.Signals = signal.SIGKILL
    """What the process gets when the supervisor dies without stopping it."""
    folder: Path | None = field(default=None)


def die_with_parent(death_signal: int) -> None:
    """Ask the kernel to send `death_signal` to this process when its parent ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)


def hub_environment(settings: Settings) -> dict[str, str]:
    """The environment of every process of the hub: its settings and those that Prefect reads.

    Bytecode is kept even where the user's shell forbids it: without it every start takes three times as long.
    Nothing is imported from the folder that the user happens to stand in: it may be the one to be audited.
    """
    ours = {
        f"SOMA_{name.upper()}": _text(getattr(settings, name))
        for name in settings.model_fields_set
        if getattr(settings, name) is not None
    }
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        **ours,
        "SOMA_DATA_DIR": str(settings.data_dir),
        "PREFECT_API_URL": settings.prefect_api_url,
        "PREFECT_HOME": str(settings.data_dir / "prefect"),
        "PREFECT_LOCAL_STORAGE_PATH": str(settings.results_path),
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _text(value: object) -> str:
    secret = getattr(value, "get_secret_value", None)
    return str(secret() if secret else value)

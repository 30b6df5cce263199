"""The fork server as a process: a child of the hub's supervisor, or of a worker that was started alone."""

import asyncio
import contextlib
import functools
import os
import signal
import socket
import sys
from pathlib import Path

from blocks.engines.child import Child, die_with_parent, hub_environment
from blocks.engines.folders import make_private
from blocks.settings import Settings
from blocks.warm_worker.leftovers import MARK, end_leftovers
from blocks.warm_worker.wire import encode

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Native libraries start no threads at import, so that forking is safe; runs share few cores anyway."""
STARTED_WITHIN = 60.0


def fork_socket(settings: Settings) -> Path:
    return settings.runtime_path / "runs.sock"


def ready_note(settings: Settings) -> Path:
    """The file that a worker makes when it has begun to take runs."""
    return settings.runtime_path / "worker.ready"


def child(settings: Settings) -> Child:
    """The fork server as a process to be supervised."""
    path = fork_socket(settings)

    async def clear() -> None:
        end_leftovers(path)
        path.unlink(missing_ok=True)

    async def ready() -> bool:
        return await serves(path)

    return Child(
        name="runs",
        command=(sys.executable, "-m", "blocks.warm_worker.fork_server", str(path), *_options(settings)),
        folder=settings.data_dir,
        environment={**hub_environment(settings), **ONE_THREAD, MARK: str(path)},
        before=clear,
        ready=ready,
        death_signal=signal.SIGTERM,
    )


def _options(settings: Settings) -> list[str]:
    return [
        f"--most-forks={settings.recycle_forks}",
        f"--most-growth={settings.recycle_growth_mb}",
    ]


def listens(path: Path) -> bool:
    """Whether a fork server has opened `path`; it may still be loading."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


async def serves(path: Path) -> bool:
    """Whether the fork server on `path` has loaded everything and answers."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path))
    except OSError:
        return False
    try:
        writer.write(encode({"do": "list"}))
        return bool(await asyncio.wait_for(reader.readline(), STARTED_WITHIN))
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()


class OwnForkServer:
    """A fork server that a lone worker started for itself, and ends with itself."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start_unless_running(cls, settings: Settings) -> "OwnForkServer | None":
        """Start a fork server when none listens; returns None when the hub's own does."""
        path = fork_socket(settings)
        if listens(path) or os.environ.get("SOMA_SUPERVISED"):
            return None
        make_private(settings.runtime_path)
        described = child(settings)
        if described.before:
            await described.before()
        process = await asyncio.create_subprocess_exec(
            *described.command,
            env=dict(described.environment),
            stdin=asyncio.subprocess.DEVNULL,
            preexec_fn=functools.partial(die_with_parent, signal.SIGTERM),
        )
        return cls(process)

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), 5)

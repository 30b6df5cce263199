"""The fork server, without a worker: `call` asks it for processes."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from blocks.engines.folders import make_folders
from blocks.errors import Unavailable
from blocks.settings import load_settings
from blocks.warm_worker.call import call
from blocks.warm_worker.fork_process import fork_socket
from blocks.warm_worker.leftovers import end_leftovers, marked

MODULE = """
import os, subprocess, time
from pathlib import Path

WORD = "first"

def write(path, text):
    Path(path).write_text(f"{WORD} {text} {os.getppid()}")

def fail():
    raise RuntimeError("as asked")

def leave_a_child(path):
    child = subprocess.Popen(["sleep", "600"])
    Path(path).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
"""


@pytest.fixture
def server(tmp_path: Path, make_place: Any) -> Iterator[Any]:
    """A fork server that has loaded a module of the test's own."""
    package = tmp_path / "code" / "trial_calls"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(MODULE)
    settings = load_settings(data_dir=tmp_path / "hub")
    make_folders(settings)
    with ExitStack() as stack:
        place = make_place(
            settings=settings, code=tmp_path / "code", api="http://127.0.0.1:1/api", stack=stack
        )
        place.preload = "trial_calls"
        place.forks = place.start_fork_server()
        yield place


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def start_child_of_run(place: Any, note: Path) -> "asyncio.Task[int]":
    task = asyncio.create_task(call(fork_socket(place.settings), "trial_calls:leave_a_child", str(note)))
    await asyncio.to_thread(place.until, lambda: (note.exists() and note.read_text()) or None)
    return task


@pytest.mark.slow
def test_forks_a_process_for_each_call_and_tells_how_it_ended(server: Any, tmp_path: Path) -> None:
    """A call runs in a child of the fork server; its failure is an exit status and harms nobody else."""
    socket = fork_socket(server.settings)

    async def scenario() -> list[int]:
        first = call(socket, "trial_calls:write", str(tmp_path / "note"), "hello")
        return list(await asyncio.gather(first, call(socket, "trial_calls:fail")))

    assert asyncio.run(scenario()) == [0, 1]
    assert (tmp_path / "note").read_text() == f"first hello {server.forks.pid}"


@pytest.mark.slow
def test_knows_changed_code_without_a_restart(server: Any, tmp_path: Path) -> None:
    """After a source file was edited the next process runs the new code, below the same fork server."""
    socket, note = fork_socket(server.settings), tmp_path / "note"
    source = tmp_path / "code" / "trial_calls" / "__init__.py"
    asyncio.run(call(socket, "trial_calls:write", str(note), "1"))
    before = note.read_text()
    source.write_text(MODULE.replace('WORD = "first"', 'WORD = "second"'))
    asyncio.run(call(socket, "trial_calls:write", str(note), "2"))

    assert (before, note.read_text()) == (f"first 1 {server.forks.pid}", f"second 2 {server.forks.pid}")


@pytest.mark.slow
def test_a_killed_run_takes_its_children_with_it(server: Any, tmp_path: Path) -> None:
    """What a run had started is ended when the run is killed."""
    note = tmp_path / "note"

    async def scenario() -> tuple[int, int]:
        task = await start_child_of_run(server, note)
        run, child = map(int, note.read_text().split())
        os.kill(run, signal.SIGKILL)
        return await task, child

    status, child = asyncio.run(scenario())

    assert status == -signal.SIGKILL
    server.until(lambda: None if alive(child) else True)


@pytest.mark.slow
def test_runs_end_with_a_killed_fork_server(server: Any, tmp_path: Path) -> None:
    """Kill -9 of the fork server ends its runs at once, and what they had started at the next start."""
    note = tmp_path / "note"

    async def scenario() -> tuple[int, int]:
        task = await start_child_of_run(server, note)
        server.forks.kill()
        with pytest.raises(Unavailable):
            await task
        run, child = map(int, note.read_text().split())
        return run, child

    run, child = asyncio.run(scenario())
    server.until(lambda: None if alive(run) else True)
    left = end_leftovers(fork_socket(server.settings))

    assert child in left
    server.until(lambda: None if alive(child) else True)
    assert not list(marked(fork_socket(server.settings)))


def test_a_call_without_a_fork_server_says_so(tmp_path: Path) -> None:
    """Where nobody listens the error names the socket."""
    with pytest.raises(Unavailable, match=r"nothing\.sock"):
        asyncio.run(call(tmp_path / "nothing.sock", "os:getpid"))

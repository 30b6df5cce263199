"""The fork server, without a worker: `call` asks it for processes."""

import asyncio
import json
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
from blocks.warm_worker.fork_client import Ended, ForkClient
from blocks.warm_worker.fork_process import fork_socket
from blocks.warm_worker.leftovers import end_leftovers, marked
from blocks.warm_worker.processes import children

MODULE = """
import os, subprocess, time
from pathlib import Path

WORD = "first"

def write(path, text):
    Path(path).write_text(f"{WORD} {text} {os.getppid()}")

def fail():
    raise RuntimeError("as asked")

def speak_twice(path):
    print("before")
    while not Path(path).exists():
        time.sleep(0.05)
    print("after")

def leave_a_daemon(path):
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    Path(path).write_text(str(child.pid))

def leave_a_child(path):
    child = subprocess.Popen(["sleep", "600"])
    Path(path).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, make_place: Any) -> Iterator[Any]:
    """A fork server that has loaded a module of these tests' own."""
    folder = tmp_path_factory.mktemp("calls")
    package = folder / "code" / "trial_calls"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(MODULE)
    settings = load_settings(data_dir=folder / "hub")
    make_folders(settings)
    with ExitStack() as stack:
        place = make_place(settings=settings, code=folder / "code", api="http://127.0.0.1:1/api", stack=stack)
        place.preload = "trial_calls"
        place.forks = place.start_fork_server()
        yield place


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def edit(server: Any, word: str) -> None:
    """Change the source that the fork server has loaded."""
    source = server.code / "trial_calls" / "__init__.py"
    source.write_text(MODULE.replace('WORD = "first"', f'WORD = "{word}"'))


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


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
    asyncio.run(call(socket, "trial_calls:write", str(note), "1"))
    before = note.read_text()
    edit(server, "second")
    asyncio.run(call(socket, "trial_calls:write", str(note), "2"))

    assert (before, note.read_text()) == (f"first 1 {server.forks.pid}", f"second 2 {server.forks.pid}")


@pytest.mark.slow
def test_a_run_goes_on_while_the_fork_server_renews_itself(server: Any, tmp_path: Path) -> None:
    """A fresh interpreter keeps the runs of the one before, their output, and word of their end."""
    log, go_on = tmp_path / "log", tmp_path / "go on"

    async def scenario() -> Ended:
        ended: asyncio.Queue[tuple[str, Ended]] = asyncio.Queue()
        client = ForkClient(fork_socket(server.settings), lambda *end: ended.put_nowait(end))
        connected = asyncio.create_task(client.keep_connected())
        speaking = {"call": "trial_calls:speak_twice", "arguments": [str(go_on)], "log": {"path": str(log)}}
        await client.start("speaking", speaking)
        edit(server, "third")
        await call(client.socket, "trial_calls:write", str(tmp_path / "note"), "2")
        go_on.touch()
        while (end := await asyncio.wait_for(ended.get(), 60))[0] != "speaking":
            pass
        connected.cancel()
        return end[1]

    assert asyncio.run(scenario()).status == 0
    assert (tmp_path / "note").read_text() == f"third 2 {server.forks.pid}"
    assert [json.loads(line)["message"] for line in log.read_text().splitlines()] == ["before", "after"]


@pytest.mark.slow
def test_runs_leave_nothing_behind(server: Any, tmp_path: Path) -> None:
    """After many runs the fork server has no more files open, no zombies, and none of their daemons."""
    socket, pid = fork_socket(server.settings), server.forks.pid

    async def scenario() -> None:
        for number in range(8):
            note = tmp_path / str(number)
            await asyncio.gather(*(call(socket, "trial_calls:leave_a_daemon", str(note)) for _ in range(3)))

    asyncio.run(call(socket, "trial_calls:write", str(tmp_path / "note"), "1"))
    before = open_files(pid)
    asyncio.run(scenario())
    server.until(lambda: open_files(pid) <= before or None)

    server.until(lambda: None if children(pid) else True)
    assert not alive(int((tmp_path / "0").read_text()))


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
    server.forks = server.start_fork_server()


def test_a_call_without_a_fork_server_says_so(tmp_path: Path) -> None:
    """Where nobody listens the error names the socket."""
    with pytest.raises(Unavailable, match=r"nothing\.sock"):
        asyncio.run(call(tmp_path / "nothing.sock", "os:getpid"))

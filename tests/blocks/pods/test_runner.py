"""The first process of a pod, as a process, on a real Prefect server."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.flows import Flow

from blocks.pods.memory import was_short

ROOT = Path(__file__).parents[3]
FLOWS = """
import time
from pathlib import Path

from prefect import flow


@flow
def add(left: int) -> int:
    return left + 1


@flow
def sleep(note: str) -> None:
    Path(note).touch()
    time.sleep(120)
"""


class Pod:
    """A flow run, and the processes that would be its pods."""

    def __init__(self, folder: Path, api: str) -> None:
        self.folder = folder
        self.api = api
        self.note = folder / "note"
        self.run = ""
        self.started: list[subprocess.Popen[str]] = []

    def make(self, name: str, **parameters: object) -> None:
        (self.folder / "podflows.py").write_text(FLOWS)

        async def work() -> str:
            async with get_client() as client:
                run = await client.create_flow_run(Flow(lambda: None, name=name), parameters=parameters)
                return str(run.id)

        self.run = asyncio.run(work())
        self.entrypoint = f"podflows.{name}"

    def start(self) -> "subprocess.Popen[str]":
        given = {
            "PREFECT_API_URL": self.api,
            "PREFECT__FLOW_RUN_ID": self.run,
            "PREFECT__FLOW_ENTRYPOINT": self.entrypoint,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder}",
            "SOMA_CANCEL_GRACE_SECONDS": "20",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "blocks.pods"],
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def state(self) -> tuple[str, str]:
        run = httpx.get(f"{self.api}/flow_runs/{self.run}").json()
        return run["state_type"], str(run["state"]["message"])

    def until(self, found: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 90
        while not found():
            assert time.monotonic() < deadline, self.state()
            time.sleep(0.1)

    def begun(self) -> "subprocess.Popen[str]":
        """Its pod, once the flow's body is at work."""
        self.make("sleep", note=str(self.note))
        process = self.start()
        self.until(self.note.exists)
        return process


@pytest.fixture
def pod(tmp_path: Path, prefect_api: str) -> Iterator[Pod]:
    made = Pod(tmp_path, prefect_api)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_pod_does_its_run_once(pod: Pod) -> None:
    """The run is completed; a second pod for it finds it ended, says so and does nothing."""
    pod.make("add", left=1)
    first = pod.start().wait(90)
    second = pod.start()
    said, _ = second.communicate(timeout=30)

    assert (first, second.returncode) == (0, 0)
    assert pod.state()[0] == "COMPLETED"
    assert "has ended already (completed)" in said


def test_a_killed_run_is_told_of(pod: Pod) -> None:
    """Kill -9 on the process that does the run: the pod lives to say so, and fails as a shell would."""
    process = pod.begun()
    (child,) = psutil.Process(process.pid).children()
    child.kill()
    status = process.wait(60)

    assert status == 137
    assert pod.state()[0] == "CRASHED"
    assert "signal 9" in pod.state()[1]


def test_a_cancelled_run_ends_and_shows_as_cancelled(pod: Pod) -> None:
    """What is asked of Prefect reaches the process in the pod."""
    process = pod.begun()
    state = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    httpx.post(f"{pod.api}/flow_runs/{pod.run}/set_state", json=state).raise_for_status()
    process.wait(60)

    assert pod.state()[0] == "CANCELLED"


def test_an_evicted_pod_says_so_and_its_replacement_leaves_the_run_alone(pod: Pod) -> None:
    """SIGTERM ends the run as crashed; a pod that comes while the run is begun elsewhere changes nothing."""
    process = pod.begun()
    other = pod.start()
    said, _ = other.communicate(timeout=30)
    meanwhile = pod.state()[0]
    process.send_signal(signal.SIGTERM)
    process.wait(60)

    assert (other.returncode, meanwhile) == (0, "RUNNING")
    assert "was begun by an earlier pod" in said
    assert pod.state()[0] == "CRASHED"


@pytest.mark.parametrize(
    ("events", "limit", "version", "expected"),
    [
        ("low 0\noom 1\noom_kill 1\n", "268435456\n", 2, "its pod ran out of memory (256 MiB); raise"),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "536870912\n", 1, "(512 MiB)"),
        ("oom_kill 1\n", "max\n", 2, "its pod ran out of memory"),
        ("oom_kill 0\n", "268435456\n", 2, None),
        ("", "", 1, None),
    ],
)
def test_want_of_memory_is_read_from_the_kernel(
    events: str, limit: str, version: int, expected: str | None, tmp_path: Path
) -> None:
    """Both versions of control groups tell whether something was killed, and what the limit is."""
    names = {1: ("memory.oom_control", "memory.limit_in_bytes"), 2: ("memory.events", "memory.max")}[version]
    roots = (tmp_path / "v2", tmp_path / "v1")
    for root in roots:
        root.mkdir()
    (roots[2 - version] / names[0]).write_text(events)
    (roots[2 - version] / names[1]).write_text(limit)
    said = was_short(roots)

    assert (said is None) == (expected is None)
    assert expected is None or expected in str(said)

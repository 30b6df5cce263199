"""A fork server and a worker on the session's Prefect server, with flows of their own."""

import asyncio
import dataclasses
import functools
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from blocks.engines.child import Child, die_with_parent, hub_environment
from blocks.engines.folders import make_folders
from blocks.settings import Settings, load_settings
from blocks.warm_worker import fork_process

FLOWS = """
    import asyncio
    import os
    import signal
    import subprocess
    import sys
    import time
    from pathlib import Path

    from prefect import flow, get_run_logger
    from prefect.deployments import arun_deployment


    @flow
    async def add(left: int, right: int = 1) -> int:
        get_run_logger().info("adding %s and %s", left, right)
        return left + right


    @flow
    async def sleep_well(note: str, seconds: float = 60) -> None:
        Path(note).write_text(str(os.getpid()))
        await asyncio.sleep(seconds)
        Path(note).write_text("slept")


    @flow
    def sleep_deeply(note: str, seconds: float = 60) -> None:
        child = subprocess.Popen(["sleep", str(seconds)])
        Path(note).write_text(f"{os.getpid()} {child.pid}")
        time.sleep(seconds)


    @flow
    async def end_abruptly() -> None:
        os._exit(7)


    @flow
    async def refuse() -> None:
        raise ValueError("not today")


    @flow
    async def drive(left: int) -> None:
        run = await arun_deployment("add/trial", parameters={"left": left}, timeout=60, poll_interval=0.2)
        assert run.state.is_completed(), run.state


    @flow
    async def eat(megabytes: int) -> None:
        child = "import time; taken = bytearray(b'x' * (%d << 20)); time.sleep(60)"
        subprocess.Popen([sys.executable, "-S", "-c", child % megabytes])
        await asyncio.sleep(60)


    @flow
    async def talk() -> None:
        get_run_logger().info("logged")
        print("printed with", os.environ["TRIAL_TOKEN"])
        os.write(2, b"written\\n")
        subprocess.run(["sh", "-c", "echo echoed in $PWD; printf 'not ended'"], check=True)
        print("HOME" in os.environ, os.environ.get("TRIAL"))
        get_run_logger().info("logged last")
        os.kill(os.getpid(), signal.SIGKILL)


    @flow
    def hold_on(note: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        print("holding on")
        Path(note).write_text(f"{os.getpid()} {child.pid}")
        time.sleep(600)


    def answer(path: str, text: str) -> int:
        Path(path).write_text(text)
        return len(text)
"""
Found = TypeVar("Found")
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
PATIENCE = 120


@dataclass
class Place:
    """Where a worker under test lives."""

    settings: Settings
    code: Path
    api: str
    stack: ExitStack
    deployed: dict[str, str] = field(default_factory=dict)
    worker: "subprocess.Popen[bytes] | None" = None
    forks: "subprocess.Popen[bytes] | None" = None
    preload: str = "trial_flows"

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.api, timeout=60)

    @property
    def environment(self) -> dict[str, str]:
        """What the processes under test get."""
        return {
            **hub_environment(self.settings),
            "PREFECT_API_URL": self.api,
            "PYTHONPATH": os.pathsep.join([str(self.code), str(Path.cwd())]),
            "SOMA_PRELOAD": self.preload,
            "SOMA_SUPERVISED": "1",
        }

    def start_fork_server(self) -> "subprocess.Popen[bytes]":
        child = fork_process.child(self.settings)
        return self._start(dataclasses.replace(child, command=(*child.command, "--bare")))

    def start_worker(self) -> "subprocess.Popen[bytes]":
        command = (sys.executable, "-m", "blocks.warm_worker")
        return self._start(Child(name="worker", command=command, environment=self.environment))

    def _start(self, child: Child) -> "subprocess.Popen[bytes]":
        environment = {**child.environment, **self.environment}
        described = dataclasses.replace(child, environment=environment)
        process = self.stack.enter_context(started(described, self.settings.logs_path))
        until(lambda: asyncio.run(described.ready()) or None)
        return process

    def deploy(self, flow: str, **given: Any) -> str:
        """The id of a deployment of one of the flows above."""
        if flow not in self.deployed:
            flow_id = self.http.post("/flows/", json={"name": flow.replace("_", "-")}).json()["id"]
            body = {
                "name": "trial",
                "flow_id": flow_id,
                "entrypoint": f"trial_flows.{flow}",
                "work_pool_name": self.settings.work_pool,
                "pull_steps": [],
                "enforce_parameter_schema": False,
                **given,
            }
            answer = self.http.post("/deployments/", json=body)
            answer.raise_for_status()
            self.deployed[flow] = answer.json()["id"]
        return self.deployed[flow]

    def run(self, flow: str, **parameters: Any) -> str:
        """Ask for a run through the API and return its id."""
        body = {"state": {"type": "SCHEDULED"}, "parameters": parameters}
        answer = self.http.post(f"/deployments/{self.deploy(flow)}/create_flow_run", json=body)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def logs(self, run: str) -> list[str]:
        """What Prefect has of the run's log."""
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
        return [line["message"] for line in self.http.post("/logs/filter", json=wanted).json()]

    def state(self, run: str) -> dict[str, Any]:
        state: dict[str, Any] = self.http.get(f"/flow_runs/{run}").json()["state"]
        return state

    def wait(self, run: str, kinds: set[str] = FINAL) -> dict[str, Any]:
        """The run's state, once it is of one of `kinds`."""
        return until(lambda: state if (state := self.state(run))["type"] in kinds else None)

    def until(self, look: Callable[[], Found | None]) -> Found:
        """What `look` finds, once it finds something."""
        return until(look)

    def cancel(self, run: str) -> None:
        self.http.post(
            f"/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLING"}}
        ).raise_for_status()


def until(look: Callable[[], Found | None], patience: float = PATIENCE) -> Found:
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@contextmanager
def started(child: Child, logs: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`child` as a process that is ended with the test, whatever happened to it."""
    if child.before:
        asyncio.run(child.before())
    with (logs / f"{child.name}.log").open("ab") as log:
        process = subprocess.Popen(
            child.command,
            env=dict(child.environment),
            stdout=log,
            stderr=log,
            preexec_fn=functools.partial(die_with_parent, child.death_signal),  # noqa: PLW1509  # one call
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the flows above."""
    folder = tmp_path_factory.mktemp("code")
    package = folder / "trial_flows"
    package.mkdir()
    (package / "__init__.py").write_text(textwrap.dedent(FLOWS))
    return folder


@pytest.fixture(scope="session")
def place(code: Path, prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A fork server and a worker that both live as long as the tests, with room for two runs."""
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("hub"), work_pool="trial", max_runs=2, max_drivers=2
    )
    make_folders(settings)
    with ExitStack() as stack:
        made = Place(settings=settings, code=code, api=prefect_server, stack=stack)
        made.forks = made.start_fork_server()
        made.worker = made.start_worker()
        until(lambda: made.http.get("/work_pools/trial").is_success or None)
        yield made


@pytest.fixture(scope="session")
def make_place() -> type[Place]:
    """For tests that start the parts of a worker's place themselves."""
    return Place

"""The whole hub as people start it: up once, hurt in every part, killed, up again, stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from blocks.settings import Settings, load_settings
from ui.supervisor.lock import running_hub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
CHILDREN = ("postgres", "valkey", "prefect", "runs", "worker", "gateway", "wizard")
PATIENCE = 400
UP = "import sys; from ui.cli.main import main; sys.argv = ['soma', *sys.argv[1:]]; main()"


class Up:
    """One data folder and the `soma up` on it."""

    def __init__(self, folder: Path) -> None:
        wanted = ("gateway_port", "prefect_port", "wizard_port", "worker_port", "supervisor_port")
        ports = {name: free_port() for name in wanted}
        self.settings: Settings = load_settings(data_dir=folder, **ports)
        names = {f"SOMA_{name.upper()}": str(port) for name, port in ports.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        self.environment = {**inherited, **names, "SOMA_DATA_DIR": str(folder)}
        self.process: subprocess.Popen[bytes] | None = None

    def soma(self, *arguments: str, **changed: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", UP, *arguments],
            env={**self.environment, **changed},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def start(self) -> None:
        log = (self.settings.data_dir.parent / "up.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", UP, "up"], env=self.environment, stdout=log, stderr=log
        )
        self.until(lambda: self.state() == "ready" or self.process_ended())
        assert self.state() == "ready", self.said()

    def state(self) -> str | None:
        info = running_hub(self.settings)
        return info.state if info else None

    def process_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def said(self) -> str:
        return (self.settings.data_dir.parent / "up.log").read_text()[-4000:]

    def until(self, look: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not look():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def pid_of(self, child: str) -> int | None:
        """The process of a child, found as people would: below the supervisor."""
        assert self.process
        marks = {
            "postgres": "/postgres",
            "valkey": "valkey-server",
            "prefect": "blocks.engines.prefect_api",
            "runs": "blocks.warm_worker.fork_server",
            "worker": "blocks.warm_worker\0",
            "gateway": "ui.gateway",
            "wizard": "ui.wizard",
        }
        for pid in children_of(self.process.pid):
            if marks[child] in command_of(pid):
                return pid
        return None

    def owned(self) -> list[str]:
        """Every process that belongs to this data folder, but for the supervisor."""
        folder = str(self.settings.data_dir)
        mark = f"SOMA_DATA_DIR={folder}".encode()
        own = self.process.pid if self.process else 0
        return [
            command_of(pid)
            for pid in processes()
            if pid not in {own, os.getpid()} and is_of(pid, mark, folder)
        ]


def processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def is_of(pid: int, mark: bytes, folder: str) -> bool:
    try:
        in_folder = str(Path(f"/proc/{pid}/cwd").readlink()).startswith(folder)
        return in_folder or mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def children_of(parent: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A hub that is up."""
    made = Up(tmp_path_factory.mktemp("up") / "hub")
    made.start()
    yield made
    if made.process and made.process.poll() is None:
        made.process.terminate()
        made.process.wait(60)


def test_answers_at_its_addresses(up: Up) -> None:
    """Gateway and Prefect answer on the loopback address, and the note says where they are."""
    info = running_hub(up.settings)

    assert info is not None
    assert httpx.get(f"{info.gateway}/ready", timeout=60).is_success
    assert httpx.get(f"{info.prefect}/api/health", timeout=60).json() is True


def test_a_second_up_on_the_folder_says_so(up: Up) -> None:
    """`soma up` on the same data folder names the running one and exits 1."""
    second = up.soma("up")
    said = second.communicate(timeout=PATIENCE)[0].decode()

    assert second.returncode == 1
    assert up.process
    assert f"already up (pid {up.process.pid}, gateway {up.settings.gateway_url})" in said


def test_busy_ports_are_named(up: Up, tmp_path: Path) -> None:
    """`soma up` on another folder but the same ports exits 2 and says which port it wants."""
    other = up.soma("up", SOMA_DATA_DIR=str(tmp_path))
    said = other.communicate(timeout=PATIENCE)[0].decode()

    assert other.returncode == 2
    assert f"port {up.settings.gateway_port}" in said
    assert "--port-offset" in said


@pytest.mark.parametrize("child", CHILDREN)
def test_a_killed_child_comes_back(up: Up, child: str) -> None:
    """Kill -9 of any child: the supervisor starts it again and the hub is ready again."""
    before = up.pid_of(child)
    assert before
    os.kill(before, signal.SIGKILL)
    up.until(lambda: up.pid_of(child) not in {None, before})
    up.until(lambda: gateway_is_ready(up))

    assert up.state() == "ready"


def gateway_is_ready(up: Up) -> bool:
    try:
        return httpx.get(f"{up.settings.gateway_url}/ready", timeout=10).is_success
    except httpx.HTTPError:
        return False


def test_doctor_finds_a_running_hub_well(up: Up) -> None:
    """After all that `soma doctor` finds nothing that fails."""

    def failing() -> list[str]:
        doctor = up.soma("doctor", "--json")
        found = json.loads(doctor.communicate(timeout=PATIENCE)[0])
        return [check["name"] for check in found if check["state"] == "fail"]

    up.until(lambda: not failing())


def test_leaves_nothing_when_it_is_killed_and_starts_again(up: Up) -> None:
    """Kill -9 of the supervisor ends every process of the hub; the next `soma up` is not troubled."""
    assert up.process
    assert up.owned()
    up.process.kill()
    up.process.wait()
    up.until(lambda: not up.owned())
    up.start()

    assert up.state() == "ready"


def test_ends_on_sigterm_and_leaves_nothing(up: Up) -> None:
    """SIGTERM stops all children in order; no process and no lock stays, and the exit status is 0."""
    assert up.process
    up.process.terminate()

    assert up.process.wait(60) == 0
    assert not up.owned()
    assert running_hub(up.settings) is None

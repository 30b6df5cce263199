"""A whole hub for the acceptance tests, started as people start it, and repositories to audit."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from blocks.engines.child import die_with_parent
from blocks.settings import Settings, load_settings
from ui.client import HubClient
from ui.supervisor.lock import running_hub
from ui.wire import FINAL_STATES, ProjectDetail

SOMA = Path(sys.executable).with_name("soma")
SHIPPED = Path(__file__).parents[2] / "capsules" / "constitution.yaml"
PATIENCE = 240.0


class HubInTest:
    """`soma up` on a data folder of its own."""

    def __init__(self, folder: Path, traces: str) -> None:
        self.traces = traces
        """Where its processes send what they record of traces."""
        self.settings: Settings = load_settings(data_dir=folder, port_offset=free_offset())
        self.constitution = Path(f"{folder}.constitution.yaml")
        self.constitution.write_text(SHIPPED.read_text())
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        given = {
            "SOMA_DATA_DIR": str(self.settings.data_dir),
            "SOMA_PORT_OFFSET": str(self.settings.port_offset),
            "SOMA_CONSTITUTION": str(self.constitution),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.traces,
            "COLUMNS": "160",
        }
        return {**os.environ, **given}

    def up(self) -> None:
        """Start the hub and wait until it is ready."""
        log = Path(f"{self.settings.data_dir}.log").open("ab")  # noqa: SIM115  # the process holds it
        self.process = subprocess.Popen(
            [SOMA, "up"],
            env=self.environment,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509  # one call of the kernel
        )
        self.until(lambda: (info := running_hub(self.settings)) is not None and info.state == "ready")

    def down(self) -> None:
        """End the hub as Ctrl-C does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
            self.process = None

    def kill(self) -> None:
        """Kill the supervisor with -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def until(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            if self.process is not None and self.process.poll() is not None:
                pytest.fail(f"the hub ended: {Path(f'{self.settings.data_dir}.log').read_text()[-3000:]}")
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds:.0f} s; the hub said:\n{self.said()}")
            time.sleep(0.1)
        return found

    def said(self) -> str:
        return Path(f"{self.settings.data_dir}.log").read_text()[-4000:]

    def soma(self, *words: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line against this hub."""
        return subprocess.run(
            [SOMA, *words], env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def client(self) -> HubClient:
        return HubClient.from_settings(self.settings)

    def launch(self, repository: Path) -> str:
        with self.client() as client:
            planned = client.plan("repository-audit", {"repository": str(repository)})
            client.launch(planned.id)
        return planned.id

    def project(self, project: str) -> ProjectDetail:
        with self.client() as client:
            return client.project(project)

    def settled(self, project: str) -> ProjectDetail:
        """The project once it has ended or waits for people."""

        def found() -> ProjectDetail | None:
            detail = self.project(project)
            return detail if detail.state in {*FINAL_STATES, "awaiting_approval"} else None

        detail: ProjectDetail = self.until(found)
        return detail

    def approve(self, project: str) -> None:
        with self.client() as client:
            for approval in client.approvals(project=project):
                client.answer(approval.id, "approve")

    def completed(self, project: str) -> ProjectDetail:
        """The project once it has ended, approved where it asked."""
        detail = self.settled(project)
        if detail.state == "awaiting_approval":
            self.approve(project)
            self.until(lambda: self.project(project).state in FINAL_STATES)
        return self.project(project)

    @staticmethod
    def process_of(run: dict[str, Any]) -> psutil.Process | None:
        """The process of a flow run, as Prefect names it; None as long as it has none."""
        place = run["infrastructure_pid"]
        return psutil.Process(int(place.rpartition(":")[2])) if place else None

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this hub's data folder."""
        mark = f"SOMA_DATA_DIR={self.settings.data_dir}"
        found = []
        for process in psutil.process_iter():
            try:
                environment = [f"{key}={value}" for key, value in process.environ().items()]
                if mark in environment or str(self.settings.data_dir) in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory, collector: Any) -> Iterator[HubInTest]:
    """One hub for all acceptance tests; each leaves it up."""
    running = HubInTest(tmp_path_factory.mktemp("hub"), collector.endpoint)
    running.up()
    yield running
    running.down()


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Python project with a history and with things to find."""
    root = tmp_path_factory.mktemp("sample") / "shop"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    write(root, "README.md", "# Shop\n\nSells things.\n\nSee [the guide](docs/guide.md).\n")
    write(root, "pyproject.toml", '[project]\nname = "shop"\nversion = "1"\ndependencies = ["requests"]\n')
    write(root, "shop/__init__.py", "")
    write(
        root, "shop/till.py", "import subprocess\n\n\ndef pay(cmd):\n    subprocess.call(cmd, shell=True)\n"
    )
    write(root, "tests/test_till.py", "def test_pay():\n    assert True\n")
    commit(root, "Begin")
    for number in range(5):
        write(
            root,
            "shop/till.py",
            (root / "shop/till.py").read_text() + f"\n\ndef f{number}(x):\n    return x\n",
        )
        commit(root, f"Grow {number}")
    return root


@pytest.fixture(scope="session")
def large_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 files in four languages, with a history of changes."""
    root = tmp_path_factory.mktemp("large") / "large"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    bodies = {
        "py": "def f(a, b):\n    if a > NUMBER:\n        return b\n    return a\n",
        "js": "function g(a) { return a + NUMBER; }\n",
        "md": "# Page NUMBER\n\nText.\n",
        "txt": "line NUMBER\n",
    }
    kinds = list(bodies)
    for number in range(20_000):
        kind = kinds[number % 4]
        write(root, f"part{number % 97}/file{number}.{kind}", bodies[kind].replace("NUMBER", str(number)))
    commit(root, "Begin")
    for number in range(0, 200, 4):
        changed = f"part{number % 97}/file{number}.py"
        write(root, changed, f"def f(a):\n    return a + {number}\n")
        commit(root, f"Change {number}", changed)
    return root


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def commit(root: Path, message: str, changed: str = ".") -> None:
    git(root, "add", "--all", changed)
    git(root, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "-m", message)


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)


def free_offset() -> int:
    """An offset at which all of the hub's ports are free."""
    for offset in range(21000, 45000, 100):
        if all(free(port + offset) for port in (10000, 10001, 10002, 4200, 8501)):
            return offset
    raise RuntimeError("no free ports were found")


def free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0

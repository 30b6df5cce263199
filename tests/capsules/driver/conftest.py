"""Capsules to drive: a small package, found through its entry points like any other."""

import asyncio
import importlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.records import projects
from blocks.records.database import Database, upgrade
from blocks.records.tables import Project
from blocks.records.tenants import ensure_tenant
from capsules.capsule import CapsuleFlow
from capsules.catalogue import find_capsule, list_capsules
from capsules.plan import Plan, PlanNode

BODIES = {
    "note": """
        async def note(word: str) -> dict[str, str]:
            with open(os.environ["TOY_LOG"], "a") as log:
                log.write(word + "\\n")
            return {"said": word}
    """,
    "join": """
        def join(words: dict[str, str], refused: dict[str, str]) -> dict[str, str]:
            return {"said": " ".join(words.values()) + "|" + ",".join(sorted(refused))}
    """,
    "fail": """
        async def fail(word: str) -> dict[str, str]:
            with open(os.environ["TOY_LOG"], "a") as log:
                log.write("fail\\n")
            raise ValueError("the toy is broken")
    """,
    "touch": """
        async def touch(word: str) -> dict[str, str]:
            return {"said": await finger(word)}

        @governed_task(stage="tool.call", action="toy.finger")
        async def finger(word: str) -> str:
            with open(os.environ["TOY_LOG"], "a") as log:
                log.write("touched\\n")
            return word
    """,
    "count": """
        async def count(word: str) -> dict[str, object]:
            return {"items": [{"word": f"w{number}", "size": number} for number in range(int(word))]}
    """,
    "collect": """
        async def collect(items: list[object]) -> dict[str, str]:
            return {"said": " ".join(item["said"] if item else "-" for item in items)}
    """,
    "flaky": """
        async def flaky(word: str) -> dict[str, str]:
            with open(os.environ["TOY_LOG"], "a") as log:
                log.write("flaky\\n")
            if open(os.environ["TOY_LOG"]).read().split().count("flaky") < int(word):
                raise ConnectionError("the toy is not connected")
            return {"said": "at last"}
    """,
    "outline": """
        async def outline(word: str) -> dict[str, object]:
            return {"steps": json.loads(word), "said": "planned"}
    """,
    "clean": """
        async def clean(word: str) -> dict[str, str]:
            with open(os.environ["TOY_LOG"], "a") as log:
                log.write("clean\\n")
            try:
                await asyncio.sleep(600)
            finally:
                with open(os.environ["TOY_LOG"], "a") as log:
                    log.write("cleaned\\n")
            return {"said": word}
    """,
    "deaf": """
        async def deaf(word: str) -> dict[str, str]:
            with open(os.environ["TOY_LOG"], "a") as log:
                log.write("deaf\\n")
            while not os.path.exists(os.environ["TOY_LOG"] + ".go"):
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    pass
            return {"said": word}
    """,
    "slow": """
        async def slow(word: str) -> dict[str, str]:
            with open(os.environ["TOY_LOG"], "a") as log:
                log.write("slow\\n")
            while not os.path.exists(os.environ["TOY_LOG"] + ".go"):
                await asyncio.sleep(0.05)
            return {"said": word}
    """,
}
AGENTS = {
    "scribe": """
        summary: Writes down what it is told to.
        owner: tests
        inputs: {word: {type: string}}
        outputs: {said: {type: string}}
        tools: [files.write, files.read, files.delete]
        memory: []
        runtime: {kind: inline, attempts: 1}
        agent:
          instructions: You are a scribe. You write down what you are told.
          request: "Write down: {{ word }}"
          max_steps: 8
    """,
    "helper": """
        summary: Looks things up and writes them down.
        owner: tests
        inputs: {word: {type: string}}
        outputs: {said: {type: string}}
        tools: [files.read, files.write, files.delete, web.fetch, python.run]
        memory: []
        runtime: {kind: inline, attempts: 1}
        agent:
          instructions: You help.
          request: "Help with: {{ word }}"
          max_steps: 12
    """,
    "reader": """
        summary: Asks a wiki and writes down what it says.
        owner: tests
        inputs: {word: {type: string}}
        outputs: {said: {type: string}}
        tools: [files.write, mcp.injected.find]
        memory: []
        runtime: {kind: inline, attempts: 1}
        agent:
          instructions: You help.
          request: "Help with: {{ word }}"
          max_steps: 8
    """,
}
INPUTS = {
    "join": "{words: {type: object}, refused: {type: object}}",
    "collect": "{items: {type: array}}",
}
OUTPUTS = {
    "count": "{items: {type: array}}",
    "outline": "{steps: {type: array}, said: {type: string}}",
}
ALLOW = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: toys, version: 1.0.0, effective: 2026-01-01}
default: allow
principles: [{id: P1, text: Toys may play.}]
articles: []
"""


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Installs the toy capsules for the session."""
    root = tmp_path_factory.mktemp("site")
    (root / "toys-1.0.dist-info").mkdir()
    (root / "toys-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    points = "\n".join(f"{name} = toys.{name}" for name in (*BODIES, *AGENTS))
    (root / "toys-1.0.dist-info" / "entry_points.txt").write_text(f"[soma.capsules]\n{points}\n")
    (root / "toys").mkdir()
    (root / "toys" / "__init__.py").touch()
    for name, body in BODIES.items():
        write_capsule(root / "toys" / name, name, textwrap.dedent(body))
    for name, text in AGENTS.items():
        (root / "toys" / name).mkdir()
        head = f"apiVersion: soma/v1\nkind: Agent\nname: {name}\nversion: 1.0.0\n"
        (root / "toys" / name / "capsule.yaml").write_text(head + textwrap.dedent(text))
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    list_capsules.cache_clear()
    yield root
    sys.path.remove(str(root))
    list_capsules.cache_clear()


def write_capsule(folder: Path, name: str, body: str) -> None:
    folder.mkdir()
    (folder / "__init__.py").touch()
    inputs = INPUTS.get(name, "{word: {type: string}}")
    outputs = OUTPUTS.get(name, "{said: {type: string}}")
    (folder / "capsule.yaml").write_text(
        f"apiVersion: soma/v1\nkind: Capsule\nname: {name}\nversion: 1.0.0\nsummary: A toy to drive.\n"
        f"owner: tests\ninputs: {inputs}\noutputs: {outputs}\ntools: [toy.finger]\n"
    )
    head = (
        "import asyncio, json, os\n"
        "from capsules.capsule import capsule\nfrom tasks.governed import governed_task\n"
    )
    (folder / "run.py").write_text(f"{head}@capsule\n{body.strip()}\n")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where bodies leave a line each time that they run."""
    path = tmp_path / "bodies.log"
    path.touch()
    monkeypatch.setenv("TOY_LOG", str(path))
    return path


@pytest.fixture
def constitution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The constitution in force, which a test may rewrite before it drives."""
    path = tmp_path / "constitution.yaml"
    path.write_text(ALLOW)
    monkeypatch.setenv("SOMA_CONSTITUTION", str(path))
    return path


@pytest.fixture
def records(
    postgres_url: str,
    new_database: Callable[[str], str],
    toys: Path,
    log: Path,
    constitution: Path,
    prefect_api: str,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The URL of an empty, migrated database that the driver uses as well."""
    url = new_database(postgres_url)
    monkeypatch.setenv("SOMA_DATABASE_URL", url.replace("+asyncpg", ""))
    asyncio.run(upgrade(url))
    return url


class Toybox:
    """What a test does with toy projects."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log

    def node(self, name: str, capsule: str = "note", **changes: Any) -> PlanNode:
        given: dict[str, Any] = {
            "id": name,
            "title": name.title(),
            "capsule": capsule,
            "version": "1.0.0",
            "inputs": {"word": name},
            "authority": {"tools": {"toy.finger": {}}},
        }
        return PlanNode.model_validate({**given, **changes})

    def launch(self, *nodes: PlanNode, **words: Any) -> Project:
        """A project with this plan, launched and not yet driven."""
        plan = Plan(blueprint="toys", blueprint_version="1.0.0", nodes=list(nodes), **words)

        async def work(database: Database) -> Project:
            await ensure_tenant(database, "default")
            project = await projects.create_project(
                database,
                tenant="default",
                title="Toys",
                blueprint="toys",
                inputs={},
                plan=plan.model_dump(mode="json"),
                plan_digest=plan.digest,
                nodes=plan.lines(),
                requested_by="ann",
            )
            return await projects.mark_launched(database, project.id, tenant="default")

        return self.query(work)

    def flow(self, name: str) -> CapsuleFlow:
        return find_capsule(name).load()

    def query(self, work: Callable[[Database], Awaitable[Any]]) -> Any:
        return asyncio.run(self.aquery(work))

    async def aquery(self, work: Callable[[Database], Awaitable[Any]]) -> Any:
        database = Database(self.url)
        try:
            return await work(database)
        finally:
            await database.close()

    def drive_and_kill(self, project: Project, until: str) -> None:
        """Drive in a process of its own and kill it with -9 once a body has left the word."""
        code = (
            f"import asyncio; from flows.project import run_project; asyncio.run(run_project({project.id!r}))"
        )
        path = os.pathsep.join([str(Path(*Path(__file__).parts[:-4])), *sys.path])
        driver = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
        deadline = time.monotonic() + 300
        while until not in self.log.read_text() and time.monotonic() < deadline and driver.poll() is None:
            time.sleep(0.05)
        driver.kill()
        driver.wait()
        assert until in self.log.read_text()


@pytest.fixture
def toybox(records: str, log: Path) -> Toybox:
    return Toybox(records, log)

"""What survives: drivers that die or start twice, a database that restarts, and what Prefect shows of it."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from blocks.driver_runs import Drivers
from blocks.engines import postgres
from blocks.engines.folders import make_folders
from blocks.errors import Unavailable
from blocks.reconciling import Reconciler
from blocks.records import ledger, projects
from blocks.records.database import Database, upgrade
from blocks.records.tables import Project
from blocks.settings import load_settings
from flows.project import run_project

pytestmark = pytest.mark.slow


def attempts(toybox: Any, project: Project) -> list[str]:
    found = toybox.query(lambda database: ledger.list_attempts(database, project.id))
    return [attempt.state for attempt in found]


def test_two_drivers_that_start_at_once_do_every_node_once(toybox: Any, log: Path) -> None:
    """One drives; the other waits for it a little and finds the project done."""
    project = toybox.launch(toybox.node("first"), toybox.node("second", needs=["first"]))

    async def both() -> list[Any]:
        return await asyncio.gather(*(run_project(project.id, return_state=True) for _ in range(2)))

    states = asyncio.run(both())

    assert {state.name for state in states} <= {"Completed", "AlreadyDriven"}
    assert log.read_text().split() == ["first", "second"]
    assert attempts(toybox, project) == ["completed", "completed"]


def test_what_a_killed_driver_leaves_in_prefect_is_closed_with_what_was_seen(
    toybox: Any, prefect_api: str
) -> None:
    """Its flow run and the runs inside of it show as crashed, and none of them as running."""
    project = toybox.launch(toybox.node("slow", "slow"))
    toybox.drive_and_kill(project, until="slow")

    async def work(database: Database) -> tuple[dict[str, str], dict[str, Any]]:
        prefect = Drivers(prefect_api)
        reconciler = Reconciler(database, prefect, lease_seconds=10)
        with contextlib.suppress(Unavailable):  # no deployment of a driver is there to start another
            await reconciler.look()
        found = await projects.get_project(database, project.id)
        run = await prefect.get(f"flow_runs/{found.driver_run}")
        below = {"parent_flow_run_id": {"any_": [found.driver_run]}}
        children = await prefect.read("flow_runs/filter", {"flow_runs": below})
        tasks = await prefect.read("task_runs/filter", {"flow_runs": {"id": {"any_": [found.driver_run]}}})
        await prefect.close()
        return run["state"], {item["id"]: item["state_type"] for item in [*children, *tasks]}

    state, below = toybox.query(work)

    assert state["type"] == "CRASHED"
    assert "is gone" in state["message"]
    assert attempts(toybox, project) == ["lost"]
    assert below
    assert set(below.values()) <= {"CRASHED", "COMPLETED", "FAILED"}


def test_a_restart_of_postgresql_kills_nobody(
    toybox: Any, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver and its node that are at work when the database goes down go on when it is back."""
    settings = load_settings(data_dir=tmp_path / "pg", lease_seconds=1)
    make_folders(settings)
    server = postgres.child(settings)
    monkeypatch.setenv("SOMA_DATABASE_URL", settings.database_address.replace("+asyncpg", ""))
    monkeypatch.setenv("SOMA_LEASE_SECONDS", "1")
    monkeypatch.setattr(toybox, "url", settings.database_address)

    async def whole() -> Any:
        process = await started(server)
        await upgrade(settings.database_address)
        project = await asyncio.to_thread(
            toybox.launch, toybox.node("slow", "slow"), toybox.node("after", needs=["slow"])
        )
        driving = asyncio.create_task(run_project(project.id, return_state=True))
        await seen(log, "slow")
        process.send_signal(server.stop_signal)
        await process.wait()
        Path(f"{log}.go").touch()  # the body ends while there is no database
        await asyncio.sleep(1.5)
        process = await started(server)
        try:
            state = await driving
            return state, await asyncio.to_thread(attempts, toybox, project)
        finally:
            process.send_signal(server.stop_signal)
            await process.wait()

    state, found = asyncio.run(whole())

    assert state.name == "Completed"
    assert found == ["completed", "completed"]
    assert log.read_text().split() == ["slow", "after"]


async def seen(log: Path, word: str) -> None:
    """Wait until a body has left the word."""
    while word not in log.read_text():  # noqa: ASYNC110  # another process writes it
        await asyncio.sleep(0.05)


async def started(server: Any) -> asyncio.subprocess.Process:
    """The server, ready."""
    if server.before:
        await server.before()
    process = await asyncio.create_subprocess_exec(
        *server.command, env=dict(server.environment), stderr=asyncio.subprocess.DEVNULL
    )
    while not await server.ready():  # noqa: ASYNC110  # it says so to nobody
        await asyncio.sleep(0.1)
    return process

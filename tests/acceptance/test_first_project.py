"""The whole path: a request becomes a governed project that survives its driver and hands over a report."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = pytest.mark.slow


def ledger_of(hub: Any, project: str) -> Counter[tuple[str, str]]:
    """How many attempts of each node ended in each state, straight from the database."""
    code = (
        "import asyncio, json, sys\n"
        "from blocks.records import ledger\nfrom blocks.records.database import Database\n"
        "from blocks.settings import load_settings\n"
        "async def main():\n"
        "    database = Database(load_settings().database_address)\n"
        f"    found = await ledger.list_attempts(database, {project!r})\n"
        "    print(json.dumps([[a.node, a.state] for a in found]))\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=hub.environment, capture_output=True, text=True, check=True
    )
    return Counter((node, state) for node, state in json.loads(done.stdout))


def test_an_audit_asks_before_it_publishes_and_hands_over_what_it_says(hub: Any, repository: Path) -> None:
    """Every node ends, people are asked once, and the four deliverables lie where the project says."""
    project = hub.launch(repository)
    waiting = hub.settled(project)
    assert waiting.state == "awaiting_approval"
    assert not (hub.settings.deliverables_path / project).exists()

    done = hub.completed(project)
    names = {artifact.name for artifact in done.deliverables}

    assert (done.state, done.reason) == ("completed", None)
    assert {"completed"} == {node.state for node in done.nodes}
    assert {".html", ".md", ".json"} == {Path(name).suffix for name in names}
    for name in names:
        with hub.client() as client:
            assert client.artifact(project, name)
    with hub.client() as client:
        page = next(client.artifact(project, name) for name in names if name.endswith(".html")).decode()
    assert "shop" in page
    assert "shell" in page  # the security finding in shop/till.py


def audits_of(hub: Any, repository: Path) -> list[Any]:
    """The projects that audit this repository."""
    with hub.client() as client:
        listed = [client.project(project.id) for project in client.projects()]
    return [project for project in listed if project.inputs.get("repository") == str(repository)]


def test_the_second_audit_knows_the_first(hub: Any, repository: Path) -> None:
    """What changed since the last audit of the same repository is recalled from memory."""
    before = [project for project in audits_of(hub, repository) if project.state == "completed"]
    if not before:  # this test is run by itself
        hub.completed(hub.launch(repository))
    done = hub.completed(hub.launch(repository))
    with hub.client() as client:
        text = next(
            client.artifact(done.id, artifact.name).decode()
            for artifact in done.deliverables
            if artifact.name.endswith(".md")
        )

    assert "first audit" not in text.lower()
    assert "since the last audit" in text.lower()


def test_a_killed_driver_is_replaced_and_no_finished_node_runs_twice(hub: Any, repository: Path) -> None:
    """Kill -9 on the driver's process in mid-project: the hub goes on by itself from the ledger."""
    project = hub.launch(repository)
    hub.until(lambda: any(node.state == "completed" for node in hub.project(project).nodes))
    driver = hub.until(lambda: driver_process(hub, project))
    driver.kill()
    done = hub.completed(project)
    attempts = ledger_of(hub, project)

    assert done.state == "completed"
    assert {1} == {count for (_, state), count in attempts.items() if state == "completed"}
    assert len(done.nodes) == sum(state == "completed" for _, state in attempts)


def driver_process(hub: Any, project: str) -> psutil.Process | None:
    """The process that drives the project, as its flow run in Prefect names it."""
    runs = httpx.post(
        f"{hub.settings.prefect_url}/api/flow_runs/filter",
        json={
            "flows": {"name": {"any_": ["run-project"]}},
            "flow_runs": {"tags": {"all_": [f"project:{project}"]}, "state": {"type": {"any_": ["RUNNING"]}}},
        },
    ).json()
    return next(filter(None, map(hub.process_of, runs)), None)


def test_a_hub_killed_whole_leaves_no_orphan_and_goes_on_after_up(hub: Any, repository: Path) -> None:
    """Kill -9 on the supervisor ends every process; `soma up` again brings the project to its end."""
    project = hub.launch(repository)
    hub.until(lambda: sum(node.state == "completed" for node in hub.project(project).nodes) >= 2)
    hub.kill()
    hub.until(lambda: not hub.processes(), seconds=30)
    hub.up()
    done = hub.completed(project)
    attempts = ledger_of(hub, project)

    assert done.state == "completed"
    assert {1} == {count for (_, state), count in attempts.items() if state == "completed"}


def test_a_forbidden_tool_stops_its_node_and_the_report_says_so(hub: Any, repository: Path) -> None:
    """One article against bandit, taken while the hub is up: `security` is denied and all else goes on."""
    allowed = hub.constitution.read_text()
    principle = allowed.split("principles:")[1].split("id:")[1].split()[0].strip(",")
    article = (
        f"  - id: T-1\n    principle: {principle}\n    title: No bandit today\n    stages: [tool.call]\n"
        "    actions: [bandit.scan]\n    verdict: deny\n    severity: high\n"
        "    reason: bandit is on leave\n    remedy: ask again tomorrow\n"
    )
    hub.constitution.write_text(allowed.replace("\narticles:\n", f"\narticles:\n{article}", 1))
    try:
        done = hub.completed(hub.launch(repository))
    finally:
        hub.constitution.write_text(allowed)
    states = {node.node: node.state for node in done.nodes}
    security = next(node for node in done.nodes if node.node == "security")
    run = httpx.get(f"{hub.settings.prefect_url}/api/flow_runs/{security.flow_run}").json()
    with hub.client() as client:
        report = next(
            client.artifact(done.id, artifact.name).decode()
            for artifact in done.deliverables
            if artifact.name.endswith(".html")
        )

    assert (done.state, states.pop("security")) == ("completed", "denied")
    assert set(states.values()) == {"completed"}
    assert run["state"]["name"] == "PolicyDenied"
    assert "bandit is on leave" in run["state"]["message"]
    assert "bandit is on leave" in report


def test_twenty_thousand_files_are_audited_in_bounded_memory(hub: Any, large_repository: Path) -> None:
    """Every node completes, all files are counted, and no process of the hub grows beyond a gigabyte."""
    largest = 0
    project = hub.launch(large_repository)
    while hub.project(project).state == "running":
        largest = max([largest, *map(proportional_memory, hub.processes())])
        time.sleep(1)
    done = hub.completed(project)
    with hub.client() as client:
        findings = json.loads(client.artifact(project, "findings.json"))

    assert done.state == "completed", done.reason
    assert {node.state for node in done.nodes} == {"completed"}
    assert "20,000" in json.dumps(findings)
    assert 0 < largest < 1_000_000_000


def proportional_memory(process: psutil.Process) -> int:
    """The bytes that would be free without the process; 0 once it has ended."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


@pytest.mark.parametrize(
    ("kind", "words"),
    [("missing", "does not exist"), ("folder", "not a git repository"), ("empty", "no commits")],
)
def test_bad_input_is_answered_with_a_sentence(hub: Any, tmp_path: Path, kind: str, words: str) -> None:
    """What is no repository fails its survey with a reason that tells what to do, never a traceback."""
    target = tmp_path / kind
    if kind != "missing":
        target.mkdir()
    if kind == "empty":
        subprocess.run(["git", "init", "-q", str(target)], check=True)
    done = hub.settled(hub.launch(target))

    assert done.state == "failed"
    assert words in done.reason.lower()
    assert "Traceback" not in done.reason


def test_the_demo_without_terminal_and_yes_says_how_to_approve(hub: Any, repository: Path) -> None:
    """Exit code 3, and the words to go on with."""
    done = hub.soma("demo", "--repo", str(repository))

    assert done.returncode == 3
    assert "soma approve" in done.stdout + done.stderr


def test_the_demo_with_yes_ends_with_a_report_and_leaves_the_running_hub_alone(
    hub: Any, repository: Path
) -> None:
    """Exit code 0 and the report's place, on the hub that is up."""
    done = hub.soma("demo", "--repo", str(repository), "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert ".html" in done.stdout
    assert hub.process.poll() is None

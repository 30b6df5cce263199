"""A hub is watched from outside: each process answers, the dashboard shows it, a launch is one trace."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
LAUNCH = re.compile("POST .*/launch")


def addresses(hub: Any) -> dict[str, str]:
    """Where the processes of the hub are asked, by the name of Prometheus' job for each."""
    settings = hub.settings
    ports = {"worker": settings.worker_port, "supervisor": settings.supervisor_port}
    own = {name: f"http://127.0.0.1:{port + settings.port_offset}" for name, port in ports.items()}
    return {
        "gateway": settings.gateway_url,
        "wizard": settings.wizard_url,
        **own,
        "prefect": f"{settings.prefect_url}/api",
    }


@pytest.fixture(scope="module")
def audited(hub: Any, repository: Path) -> str:
    """An audit that was launched over HTTP and has ended: the oldest, for others began in Prefect."""
    with hub.client() as client:
        audits = [project for project in client.projects() if project.blueprint == "repository-audit"]
    done = [project.id for project in audits if project.state == "completed"]
    return done[-1] if done else hub.completed(hub.launch(repository)).id


@pytest.mark.parametrize("process", ["gateway", "wizard", "worker", "supervisor", "prefect"])
def test_every_process_answers(hub: Any, process: str) -> None:
    """Each process that speaks HTTP says that it lives and works, and what it counts, without a token."""
    with httpx.Client(base_url=addresses(hub)[process]) as http:
        assert http.get("/health").status_code == 200
        assert hub.until(lambda: http.get("/ready").status_code == 200)
        assert "process_resident_memory_bytes" in http.get("/metrics").text


def test_the_supervisor_tells_of_the_others(hub: Any) -> None:
    """Processes that speak no HTTP are told of by the one that started them."""
    told = httpx.get(f"{addresses(hub)['supervisor']}/ready").json()["checks"]
    meters = httpx.get(f"{addresses(hub)['supervisor']}/metrics").text

    assert {"postgres", "valkey", "prefect", "runs", "worker", "gateway"} <= {check["name"] for check in told}
    for check in told:
        assert f'soma_process_up{{process="{check["name"]}"}} 1.0' in meters


@pytest.fixture(scope="module")
def prometheus(hub: Any, audited: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Debian's Prometheus with the shipped configuration, on the ports of this hub."""
    unpacked = ROOT / "build" / "prometheus" / "usr" / "bin" / "prometheus"
    program = str(unpacked) if unpacked.exists() else shutil.which("prometheus")
    if program is None:
        pytest.fail("this test needs Debian's prometheus: make servers", pytrace=False)
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copy(MONITORING / "rules.yaml", folder)
    shipped = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())
    shipped["global"] = {"scrape_interval": "3s", "evaluation_interval": "3s"}
    for job in shipped["scrape_configs"]:
        url = httpx.URL(addresses(hub)[job["job_name"].removeprefix("soma-")])
        job["static_configs"] = [{"targets": [f"{url.host}:{url.port}"]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(shipped))
    port = free_port()
    options = (
        "--config.file=prometheus.yaml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *options], cwd=folder, stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1") as http:
                yield http
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def found(prometheus: httpx.Client, query: str) -> list[Any]:
    try:
        answer = prometheus.get("/query", params={"query": query}).json()
    except (httpx.HTTPError, ValueError):
        return []  # it is only starting
    assert answer["status"] == "success" or "starting" in str(answer), (query, answer)
    return answer["data"]["result"]


def test_every_query_of_the_dashboard_finds_something(prometheus: httpx.Client, hub: Any) -> None:
    """Against a real Prometheus that watches a real hub, no panel of the dashboard is empty."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    queries = {
        target["expr"].replace("$__rate_interval", "1m")
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }
    deadline = time.monotonic() + 60
    while (empty := sorted(query for query in queries if not found(prometheus, query))) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.5)

    assert empty == []


def test_a_hub_that_is_well_rings_no_alarm(prometheus: httpx.Client) -> None:
    """Every target is up, and none of the shipped alerts is firing."""
    assert {row["metric"]["job"] for row in found(prometheus, "up == 1")} == {
        "soma-gateway",
        "soma-wizard",
        "soma-worker",
        "soma-supervisor",
        "soma-prefect",
    }
    assert found(prometheus, 'ALERTS{alertstate="firing"}') == []


def test_a_launch_is_one_trace_over_all_processes(hub: Any, collector: Any, audited: str) -> None:
    """From the request through the driver and the capsules in other processes to each tool call."""

    def whole() -> list[Any]:
        (launched,) = {
            span.trace
            for span in collector.spans
            if span.name == "drive project" and span.attributes["soma.project"] == audited
        } or {""}
        spans = [span for span in collector.spans if span.trace == launched]
        seen = {span.attributes["soma.node"] for span in spans if span.name.startswith("capsule ")}
        return spans if seen >= nodes and any(LAUNCH.fullmatch(span.name) for span in spans) else []

    nodes = {node.node for node in hub.project(audited).nodes}
    spans = hub.until(whole, 60)
    by_id = {span.id: span for span in spans}

    def ancestors(span: Any) -> list[str]:
        return [] if span.parent not in by_id else [by_id[span.parent].name, *ancestors(by_id[span.parent])]

    (root,) = [span for span in spans if LAUNCH.fullmatch(span.name)]
    assert (root.service, root.attributes["http.response.status_code"]) == ("soma-gateway", 202)
    (clone,) = [span for span in spans if span.name == "tool.call git.clone"]
    assert clone.service == "soma-run"
    assert clone.attributes["soma.verdict"] == "allow"
    assert ancestors(clone) == ["capsule survey", "drive project", root.name]

"""The alerts and the dashboard: each query can be read, and is about something that the hub tells."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import promql_parser
import pytest
import yaml

from blocks.records.figures import FIGURES
from blocks.warm_worker.places import Places
from blocks.warm_worker.watching import WorkerMeters
from ui.gateway.meters import Meters
from ui.supervisor.watching import ProcessMeters

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
QUERIES = [
    (panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel.get("targets", ())
]
OTHERS = {"up", "process_resident_memory_bytes"}
"""What Prometheus itself and its client for Python tell."""


@pytest.fixture(scope="module")
def promtool() -> str:
    unpacked = ROOT / "build" / "prometheus" / "usr" / "bin" / "promtool"
    if unpacked.exists():
        return str(unpacked)
    return shutil.which("promtool") or pytest.fail("this test needs Debian's prometheus: make servers")


def ask(*words: str) -> str:
    done = subprocess.run(words, cwd=MONITORING, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_alert_fires_when_it_should_and_only_then(promtool):
    """Promtool plays a hub that is well and one where all is wrong against the rules."""
    assert "SUCCESS" in ask(promtool, "test", "rules", "rules_test.yaml")


def test_prometheus_takes_the_files(promtool):
    """Promtool finds nothing wrong with the configuration and the rules that it names."""
    assert "SUCCESS" in ask(promtool, "check", "config", "prometheus.yaml")


def test_every_alert_is_tried_out():
    """The bad day of the tests makes each alert fire, so none was never seen to."""
    bad = yaml.safe_load((MONITORING / "rules_test.yaml").read_text())["tests"][1]
    fired = {sample["labels"].split('"')[1] for sample in bad["promql_expr_test"][0]["exp_samples"]}

    assert {rule["alert"] for rule in RULES if "alert" in rule} == fired


def test_every_alert_says_what_to_do():
    """An alert names a heading of the runbook that is there."""
    text = (ROOT / "docs" / "runbook.md").read_text()
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    named = {rule["annotations"]["runbook"] for rule in RULES if "alert" in rule}

    assert {place.partition("#")[0] for place in named} == {"docs/runbook.md"}
    assert {place.partition("#")[2] for place in named} - headings == set()


def test_every_query_can_be_read_and_asks_for_what_there_is():
    """Dashboard and rules name no series, and no label of one, that no process of the hub has."""
    known = told_series()
    wrong = []
    for place, query in [*QUERIES, *((rule.get("alert", "rule"), rule["expr"]) for rule in RULES)]:
        for selector in selectors(query.replace("$__rate_interval", "1m")):
            labels = known.get(selector.name)
            asked = {matcher.name for matcher in selector.matchers.matchers} - {"job", "instance"}
            if labels is None or asked - labels:
                wrong.append((place, selector.name, sorted(asked)))

    assert wrong == []


def test_a_query_for_what_there_is_not_is_noticed():
    """The check above sees through aggregations, ranges, subqueries and arithmetic."""
    text = 'max(a{x="1"}) / sum by (y) (rate(b[5m])) > 1 and on () topk(2, -c offset 1h) or rate(d[1h:1m])'

    assert [selector.name for selector in selectors(text)] == ["a", "b", "c", "d"]


def told_series() -> dict[str, set[str]]:
    """Every series that the hub's processes can show, with its labels."""
    known = {name: {"job", "instance"} for name in OTHERS} | {
        figure.name + ("_total" if figure.only_grows else ""): set(figure.labels) for figure in FIGURES
    }
    known |= {rule["record"]: {"verdict", "le"} for rule in RULES if "record" in rule}
    known["soma_decisions_total"] = {"stage", "verdict"}
    meters = Meters()
    meters.count("GET", "/health", 200, 0.1)
    idle = SimpleNamespace(
        intake=SimpleNamespace(places=Places({"run": 1})), looked_at=0.0, forks=SimpleNamespace(server=1)
    )
    watched = [*meters.registry.collect(), *ProcessMeters({}).collect(), *WorkerMeters(idle).collect()]
    for family in watched:
        suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}.get(
            family.type, ("",)
        )
        names = {label for sample in family.samples for label in sample.labels}
        known |= {
            family.name + suffix: names | set(getattr(family, "_labelnames", ())) for suffix in suffixes
        }
    return known


def selectors(text: str) -> list[promql_parser.VectorSelector]:
    """The series that a query asks for, in the order in which they stand."""
    found = []
    promql_parser.walk(
        promql_parser.parse(text),
        lambda part: found.append(part) if isinstance(part, promql_parser.VectorSelector) else None,
    )
    return found

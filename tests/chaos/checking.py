"""What must hold when the storm is over: nothing twice, nothing lost, every state true."""

import subprocess
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import toys
from hub import SOMA, ChaosHub
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import text
from traffic import Traffic

from blocks.records.approvals import list_approvals
from blocks.records.ledger import list_attempts, list_nodes
from blocks.records.projects import get_project

MILLION = 1_000_000
"""Accounts are kept in millionths."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    counted: int
    wrong: tuple[str, ...] = ()
    """What is not as it must be, one line each."""


async def check(hub: ChaosHub, traffic: Traffic) -> AsyncIterator[Finding]:
    """Look at everything, one finding at a time."""
    yield await _projects(hub, traffic)
    yield await _attempts(hub, traffic)
    yield _effects(hub, traffic)
    yield _taken_back(hub, traffic)
    yield await _budgets(hub, traffic)
    yield await _approvals(hub, traffic)
    yield await _decisions(hub)
    yield _chain(hub)
    yield await _values(hub, traffic)
    yield await _memories(hub, traffic)
    yield await _runs(hub)


async def _projects(hub: ChaosHub, traffic: Traffic) -> Finding:
    wrong = []
    for name, kind in traffic.projects.items():
        project = await get_project(hub.database, name)
        if project.state != kind.ends:
            wrong.append(f"{project.title}: {project.state} ({project.reason}), not {kind.ends}")
        for line in await list_nodes(hub.database, name):
            wanted = kind.nodes.get(line.node, "completed")
            if line.state != wanted:
                wrong.append(
                    f"{project.title}: node {line.node} is {line.state} ({line.reason}), not {wanted}"
                )
    return Finding(
        what="projects ended as they would have", counted=len(traffic.projects), wrong=tuple(wrong)
    )


async def _attempts(hub: ChaosHub, traffic: Traffic) -> Finding:
    wrong, counted = [], 0
    for name in traffic.projects:
        found = await list_attempts(hub.database, name)
        counted += len(found)
        done = Counter(attempt.node for attempt in found if attempt.state == "completed")
        wrong += [
            f"{name}: {node} has {count} completed attempts" for node, count in done.items() if count > 1
        ]
        wrong += [
            f"{name}: attempt {attempt.number} at {attempt.node} is still {attempt.state}"
            for attempt in found
            if attempt.state in {"queued", "running"}
        ]
    return Finding(what="attempts, at most one completed a node", counted=counted, wrong=tuple(wrong))


def _effects(hub: ChaosHub, traffic: Traffic) -> Finding:
    keys: dict[str, set[str]] = defaultdict(set)
    wrong = []
    for kind, word, key in toys.read_effects(hub.effects):
        if kind == "effect":
            keys[word].add(key)
        elif kind == "forbidden":
            wrong.append(f"{word} did what is forbidden")
    wrong += [
        f"{word} was done under {len(found)} keys {sorted(found)}"
        for word, found in keys.items()
        if len(found) != 1 or "" in found
    ]
    expected = sum(kind.effects for kind in traffic.projects.values())
    if len(keys) != expected:
        wrong.append(f"{len(keys)} different effects, not {expected}")
    return Finding(what="effects, each under one key", counted=len(keys), wrong=tuple(wrong))


def _taken_back(hub: ChaosHub, traffic: Traffic) -> Finding:
    order = {word: at for at, (_, word, _) in enumerate(toys.read_effects(hub.effects))}
    names = [f"p{at}" for at, kind in enumerate(traffic.projects.values()) if kind.name == "undone"]
    wrong = [
        f"{name}: was not taken back in reverse order"
        for name in names
        if order.get(f"{name}/back-one", -1) < order.get(f"{name}/back-two", 0)
    ]
    return Finding(what="projects taken back, the latest step first", counted=len(names), wrong=tuple(wrong))


async def _budgets(hub: ChaosHub, traffic: Traffic) -> Finding:
    rows = await _rows(hub, "SELECT project, node, kind, reserved, spent FROM budget_accounts")
    wrong = [f"{row['project']} {row['node']} {row['kind']}: reserved" for row in rows if row["reserved"]]
    spent = {row["project"]: row["spent"] for row in rows if (row["node"], row["kind"]) == ("", "tool_calls")}
    chains = [name for name, kind in traffic.projects.items() if kind.name == "chain"]
    wrong += [f"{name} has spent {spent.get(name)}" for name in chains if spent.get(name) != 4 * MILLION]
    return Finding(what="accounts, charged once for each call", counted=len(rows), wrong=tuple(wrong))


async def _approvals(hub: ChaosHub, traffic: Traffic) -> Finding:
    wrong, counted = [], 0
    for name, kind in traffic.projects.items():
        found = await list_approvals(hub.database, project=name)
        counted += len(found)
        if [item.state for item in found] != ["approved"] * kind.asks:
            wrong.append(f"{name} ({kind.name}): questions are {[item.state for item in found]}")
    return Finding(what="questions, each asked and answered once", counted=counted, wrong=tuple(wrong))


async def _decisions(hub: ChaosHub) -> Finding:
    """Whatever was done had been decided, and durably so, before."""
    rows = await _rows(
        hub,
        "SELECT record::jsonb -> 'facts' -> 'task' -> 'arguments' ->> 'word' AS word, count(*) AS times "
        "FROM audit_records WHERE kind = 'decision' AND stage = 'tool.call' GROUP BY 1",
    )
    decided = {str(row["word"]): int(row["times"]) for row in rows}
    done = Counter(word for kind, word, _ in toys.read_effects(hub.effects) if kind == "effect")
    wrong = [
        f"{word} was done {count} times and decided {decided.get(word, 0)} times"
        for word, count in done.items()
        if decided.get(word, 0) < count
    ]
    return Finding(what="calls, each decided before", counted=sum(done.values()), wrong=tuple(wrong))


def _chain(hub: ChaosHub) -> Finding:
    done = subprocess.run(
        [SOMA, "audit", "verify"],
        env=hub.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    wrong = () if done.returncode == 0 else ((done.stdout + done.stderr)[-500:],)
    return Finding(what="audit chain verified", counted=1, wrong=wrong)


async def _values(hub: ChaosHub, traffic: Traffic) -> Finding:
    wrong = []
    for key, value in traffic.kept.items():
        answer = await hub.call("GET", f"/v1/memory/kv/tenant/{key}")
        if answer is None or not answer.is_success or answer.json()["value"] != value:
            wrong.append(f"{key} is lost")
    return Finding(what="acknowledged values kept", counted=len(traffic.kept), wrong=tuple(wrong))


async def _memories(hub: ChaosHub, traffic: Traffic) -> Finding:
    wrong = []
    for memory, words in traffic.remembered.items():
        body = {"query": words, "scopes": ["tenant"], "limit": 5}
        answer = await hub.call("POST", "/v1/memory/recall", body)
        hits = answer.json()["hits"] if answer is not None and answer.is_success else []
        if memory not in str(hits):
            wrong.append(f"memory {memory} is lost")
    return Finding(
        what="acknowledged memories found again", counted=len(traffic.remembered), wrong=tuple(wrong)
    )


async def _runs(hub: ChaosHub) -> Finding:
    """No flow run of a project is shown as going on in Prefect once its project has ended."""
    wanted = FlowRunFilter.model_validate({"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}})
    with temporary_settings({PREFECT_API_URL: hub.settings.prefect_api_url}):
        async with get_client() as client:
            found = await client.read_flow_runs(flow_run_filter=wanted, limit=200)
    wrong = [f"{run.name} is {run.state_name}" for run in found if _of_a_project(run)]
    return Finding(what="flow runs left open in Prefect", counted=len(wrong), wrong=tuple(wrong))


def _of_a_project(run: Any) -> bool:
    return any(tag.startswith("project:") for tag in run.tags) or run.parent_task_run_id is not None


async def _rows(hub: ChaosHub, query: str) -> list[dict[str, Any]]:
    async with hub.database.session() as session:
        found = await (await session.connection()).execute(text(query))
        return [dict(row) for row in found.mappings()]

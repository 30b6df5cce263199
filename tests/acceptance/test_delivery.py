"""Agents on a whole hub: from a paragraph to a repository, though one of them is killed in the middle."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shut_in")]
SLOWLY = 60
"""Seconds in which a model has not answered yet: long enough to kill the agent that waits for it."""


@pytest.fixture
def models(hub: Any, model_server: Any) -> Iterator[Any]:
    """The scripted model, configured on the hub as people do it."""
    made = hub.soma(
        "models", "set", "scripted", "--url", f"{model_server.url}/v1", "--model", "default=scripted"
    )
    assert made.returncode == 0, made.stderr
    yield model_server
    hub.soma("models", "remove", "scripted")


def test_a_paragraph_becomes_a_repository_though_an_agent_is_killed(
    hub: Any, models: Any, said: Any, tmp_path: Path
) -> None:
    """Two agents at once in runs of their own; kill -9 takes one; what it had done is not done again."""
    said.script(models, code=said.RIGHT, hesitates=SLOWLY)
    said.review(models, "accept")
    with hub.client() as client:
        project = client.plan("software-delivery", {"request": said.REQUEST}).id
        client.launch(project)
    hub.until(lambda: asked_of(models, said.DEVELOPER) == 3 or hub.project(project).final)
    hub.until(lambda: agent_process(hub, project, "implementation")).kill()
    done = hub.completed(project)
    bundle, clone = tmp_path / "repository.bundle", tmp_path / "clone"
    with hub.client() as client:
        bundle.write_bytes(client.artifact(project, bundle.name))
        report = client.artifact(project, "hand-over.md").decode()
    subprocess.run(["git", "clone", "-q", bundle, clone], check=True)
    attempts = {node.node: node.attempt for node in done.nodes}

    assert (done.state, done.reason) == ("completed", None)
    assert (attempts["implementation"], attempts["test-writing"]) == (2, 1)
    assert asked_of(models, said.DEVELOPER) == 4  # the one that was not answered is asked again, and no other
    assert models.unsaid == 0
    assert (clone / "durations" / "__init__.py").read_text() == said.RIGHT
    assert "All 2 tests passed." in report


def asked_of(models: Any, agent: str) -> int:
    """How many requests this agent has sent."""
    return sum(agent in json.dumps(body["messages"]) for body in models.asked)


def agent_process(hub: Any, project: str, node: str) -> psutil.Process | None:
    """The process of the node's run."""
    run = next(item.flow_run for item in hub.project(project).nodes if item.node == node)
    return hub.process_of(httpx.get(f"{hub.settings.prefect_url}/api/flow_runs/{run}").json())

"""Previews of plans, and single nodes with all that is known of them."""

import asyncio

import pytest

from blocks.errors import BadInput, NotFound
from blocks.results import ResultStore

HALF = """apiVersion: soma/v1
kind: Constitution
metadata: {name: some, version: 1.0.0}
default: allow
articles:
  - {id: never, title: t, stages: [capsule.start], actions: [tests], verdict: deny, reason: never}
  - {id: ask, title: t, stages: [plan.node], actions: [survey], verdict: approve, reason: look first}
"""


def test_a_preview_tells_the_plan_and_what_the_constitution_says(gateway):
    """Nodes with what they may touch, edges, verdicts with article and reason; nothing is recorded."""
    client = gateway.client()
    before = (client.projects(limit=500), gateway.http().get("/v1/audit").json())
    seen = client.preview("repository-audit", {"repository": "/r"})
    nodes = {node.id: node for node in seen.nodes}

    assert (client.projects(limit=500), gateway.http().get("/v1/audit").json()) == before
    assert seen.plan_digest == client.plan("repository-audit", {"repository": "/r"}).plan_digest
    assert (seen.launch.verdict, seen.launch.article) == ("allow", "allow-launch")
    assert nodes["publish"].approval.question == "May the report of this audit be published?"
    assert (nodes["publish"].asks, nodes["survey"].asks) == (True, False)
    assert [item.stage for item in nodes["security"].forecasts][:2] == ["plan.node", "capsule.start"]
    assert {item.verdict for item in nodes["security"].forecasts} == {"allow"}
    assert set(nodes["security"].tools) == {
        item.action for item in nodes["security"].forecasts if item.stage == "tool.call"
    }
    edges = {(edge.source, edge.target): edge.tolerated for edge in seen.edges}
    assert (edges["survey", "secrets"], edges["secrets", "synthesis"]) == (False, True)


def test_a_preview_foresees_refusals(serve, tmp_path):
    """A node that an article forbids is marked before anything is launched."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(HALF)
    with serve(constitution=rules) as gateway, gateway.client() as client:
        nodes = {node.id: node for node in client.preview("repository-audit", {"repository": "/r"}).nodes}

    assert (nodes["tests"].refused, nodes["survey"].refused) == (True, False)
    assert (nodes["survey"].asks, nodes["survey"].forecasts[0].reason) == (True, "look first")


def test_a_preview_of_wrong_answers_is_told(gateway):
    """As planning would tell it."""
    with pytest.raises(BadInput, match=r"inputs\.repository: is missing"):
        gateway.client().preview("repository-audit", {})
    with pytest.raises(NotFound, match="no blueprint 'nothing'"):
        gateway.client().preview("nothing", {})


@pytest.fixture
def planned(gateway):
    """A project of the audit, of which the survey has ended."""
    project = gateway.client().plan("repository-audit", {"repository": "/r"})
    store = ResultStore(gateway.settings.results_path)
    document = {
        "checkout": {"source": "/r", "commit": "abc", "token": "AKIAIOSFODNN7EXAMPLE"},
        "analysis": {"text": "x" * 9000, "many": list(range(100))},
    }
    reference = asyncio.run(store.write(document))
    gateway.node(project.id, "survey", state="completed", result=reference, attempt=1)
    return project.id


def test_a_node_tells_what_it_took_and_gave(gateway, planned):
    """Inputs follow references to what others gave, what is open says so, outputs are cut and masked."""
    client = gateway.client()
    survey, secrets, synthesis = (client.node(planned, name) for name in ("survey", "secrets", "synthesis"))

    assert survey.inputs == {"source": "/r", "workspace": {"$fact": "workspace"}}
    assert (survey.outputs["checkout"]["commit"], survey.cut) == ("abc", True)
    assert len(survey.outputs["analysis"]["text"]) < 5000
    assert len(survey.outputs["analysis"]["many"]) == 60
    assert "AKIAIOSFODNN7EXAMPLE" not in survey.model_dump_json()
    assert secrets.inputs["checkout"]["commit"] == "abc"
    assert (secrets.outputs, secrets.cut, secrets.run_url) == (None, False, None)
    assert synthesis.inputs["analyses"]["tests"] == {"pending": "tests.analysis"}
    assert secrets.authority["tools"]


def test_a_lost_result_is_told_and_the_node_shown(gateway, planned):
    """The node's page does not fail with its result."""
    gateway.node(planned, "survey", result={"sha256": "0" * 64, "size": 1})
    found = gateway.client().node(planned, "secrets")

    assert "is missing; restore it" in found.inputs["checkout"]["missing"]
    assert "is missing; restore it" in gateway.client().node(planned, "survey").outputs["missing"]


def test_only_ones_own_nodes_are_found(gateway, planned):
    """A node that does not exist and another tenant's project are not found, with what there is."""
    with pytest.raises(NotFound, match="no node 'nothing'; it has survey"):
        gateway.client().node(planned, "nothing")
    theirs = gateway.project(tenant="others")
    with pytest.raises(NotFound, match="no project"):
        gateway.client().node(theirs.id, "first")

"""A hand on projects, over HTTP: what is accepted, what is refused and how, and who may."""

import pytest

from blocks.errors import BadInput, Conflict, Forbidden, NotFound, PolicyDenied
from blocks.identity import Principal
from blocks.records.ledger import open_attempt
from blocks.records.projects import get_project, take_over
from blocks.records.tables import NodeRecord, Project
from blocks.records.tokens import create_token
from ui.client import HubClient

CAREFUL = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: careful, version: "1.0.0"}
principles: [{id: careful, text: Be careful.}]
default: allow
articles:
  - id: no-such-place
    principle: careful
    title: No work in forbidden places
    stages: [project.launch]
    when: launch.inputs.repository == '/forbidden'
    verdict: deny
    reason: that place is not wanted
    remedy: choose another
"""


@pytest.fixture(scope="module")
def careful(serve, tmp_path_factory):
    """A gateway under a constitution that forbids a place."""
    path = tmp_path_factory.mktemp("careful") / "constitution.yaml"
    path.write_text(CAREFUL)
    with serve(constitution=str(path)) as served:
        yield served


def ended(gateway, nodes=("first", "second")):
    """A project whose two nodes have completed."""
    project = gateway.project()
    if nodes[0] != "first":
        gateway.records(lambda database: rename(database, project.id, nodes[0]))
    for node in nodes:
        gateway.node(project.id, node, state="completed", result={"path": node}, attempt=1)
    gateway.move(project.id, "completed")
    return project


async def rename(database, project, name):
    """Give the first node the name of a node of the blueprint."""
    async with database.session() as session:
        line = await session.get_one(NodeRecord, (project, "first"))
        line.node = name
        found = await session.get_one(Project, project)
        nodes = [{"id": name, "needs": []}, {"id": "second", "needs": [name]}]
        found.plan = {**found.plan, "nodes": nodes}
        session.add_all([line, found])


def test_pause_resume_and_cancel_are_recorded_and_told(gateway):
    """Each wish is answered with the project's state and with what is wanted of it, by whom and why."""
    project = gateway.project()
    gateway.move(project.id, "awaiting_approval")
    with gateway.client() as client:
        paused = client.wish(project.id, "pause", "it rains")
        resumed = client.wish(project.id, "resume")
        cancelled = client.wish(project.id, "cancel")
        told = client.control(project.id)

    assert (paused.state, paused.control, paused.control_by, paused.control_reason) == (
        "paused", "pause", "admin", "it rains",
    )  # fmt: skip
    assert (resumed.state, resumed.control) == ("running", "run")
    assert (cancelled.state, told.control) == ("cancelling", "cancel")


@pytest.mark.parametrize("wish", ["pause", "resume", "cancel"])
def test_a_wish_that_makes_no_sense_is_a_conflict_in_words(gateway, wish):
    """Of an ended project nothing is wanted any more but to be done anew."""
    project = ended(gateway)
    with gateway.client() as client, pytest.raises(Conflict, match=r"has ended.*rerun"):
        client.wish(project.id, wish)


def test_a_planned_project_is_cancelled_at_once(gateway):
    """It needs neither a driver nor Prefect."""
    project = gateway.project()
    with gateway.client() as client:
        assert client.wish(project.id, "cancel", "not needed").state == "cancelled"
        assert {node.state for node in client.project(project.id).nodes} == {"cancelled"}


def test_a_deadline_is_set_from_now_or_for_a_moment_and_taken_away(gateway):
    """Both ways at once are refused."""
    project = gateway.project()
    with gateway.client() as client, gateway.http() as http:
        assert client.deadline(project.id, seconds=3600).deadline_at is not None
        assert client.deadline(project.id).deadline_at is None
        body = {"at": "2099-01-01T00:00:00Z", "seconds": 5}
        answer = http.post(f"/v1/projects/{project.id}/deadline", json=body)

    assert answer.status_code == 422
    assert "not both" in answer.text


def test_a_node_is_done_anew_and_its_history_kept(gateway):
    """What stands on it waits again; its attempts and what it had come to can be read afterwards."""
    project = ended(gateway)
    with gateway.client() as client:
        done = client.rerun(project.id, "second", reason="better data")
        found = client.node_history(project.id, "second")
        view = client.project(project.id)

    assert (done.state, done.reset) == ("running", ["second"])
    assert {node.node: node.state for node in view.nodes} == {"first": "completed", "second": "waiting"}
    assert (found.generation, found.state, found.inputs) == (2, "waiting", {})
    assert [(past.generation, past.state, past.result, past.by) for past in found.former] == [
        (1, "completed", {"path": "second"}, "admin")
    ]


def test_a_node_at_work_is_not_done_anew(gateway):
    """The refusal says what to do first."""
    project = gateway.project()

    async def work(database):
        driver = await take_over(database, project.id, driver_run=None)
        await open_attempt(database, project.id, "first", fence=driver.fence, runtime="inline")

    gateway.move(project.id, "running")
    gateway.records(work)
    with gateway.client() as client, pytest.raises(Conflict, match="at work") as refused:
        client.rerun(project.id, "first")

    assert "pause or cancel" in refused.value.mend


def test_changed_inputs_are_checked_against_the_capsule(gateway):
    """A name that it does not take, a wrong type and a reference to a result are refused."""
    project = ended(gateway)
    with gateway.client() as client:
        for inputs in ({"no_such": 1}, {"source": 5}, {"source": {"$result": {"path": "x"}}}):
            with pytest.raises(BadInput):
                client.rerun(project.id, "first", inputs)
        assert client.rerun(project.id, "first", {"source": "/other"}).reset == ["first", "second"]
        assert client.node_history(project.id, "first").inputs == {"source": "/other"}


def test_the_constitution_decides_about_changed_inputs_and_forks(careful):
    """As it would about a launch: an article about an answer sees the input that the answer gives.

    What it refuses leaves no trace in the projects.
    """
    project = ended(careful, nodes=("survey", "second"))
    with careful.client() as client:
        with pytest.raises(PolicyDenied, match="not wanted"):
            client.rerun(project.id, "survey", {"source": "/forbidden"})
        with pytest.raises(PolicyDenied, match="not wanted"):
            client.fork(project.id, node="survey", inputs={"source": "/forbidden"})
        assert [found.id for found in client.projects()] == [project.id]
        assert client.project(project.id).state == "completed"
        made = client.fork(project.id, node="second", title="Again")
        nodes = {node.node: node.state for node in client.project(made.id).nodes}

    assert (made.title, made.state, made.carried) == ("Again", "running", ["survey"])
    assert made.origin["project"] == project.id
    assert nodes == {"survey": "completed", "second": "waiting"}


def test_who_may(gateway):
    """Operators may; viewers and approvers may not, and to another tenant there is no such project."""
    project, strange = gateway.project(), gateway.project(tenant="strangers")
    admin = Principal(tenant="default", name="admin", roles=frozenset({"admin"}))

    def client_of(role):
        made = gateway.records(
            lambda database: create_token(database, name=f"{role}-hand", roles=frozenset({role}), by=admin)
        )
        return HubClient(gateway.url, made.secret)

    for role in ("viewer", "approver"):
        with client_of(role) as client:
            assert client.control(project.id).control == "run"
            for call in (
                lambda: client.wish(project.id, "cancel"),
                lambda: client.rerun(project.id, "first"),
            ):
                with pytest.raises(Forbidden):
                    call()
    with client_of("operator") as client:
        assert client.wish(project.id, "cancel").control_by == "operator-hand"
        for call in (
            lambda: client.wish(strange.id, "cancel"),
            lambda: client.rerun(strange.id, "first"),
            lambda: client.fork(strange.id),
            lambda: client.deadline(strange.id, seconds=5),
            lambda: client.node_history(strange.id, "first"),
            lambda: client.control(strange.id),
        ):
            with pytest.raises(NotFound):
                call()
    assert gateway.records(lambda database: get_project(database, strange.id)).control == "run"

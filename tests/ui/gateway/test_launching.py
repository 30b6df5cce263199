import json
import time

import httpx
import pytest

from blocks.errors import Conflict, PolicyDenied
from blocks.records.audit import list_records

CONSTITUTION = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: careful, version: "1.0.0"}
principles: [{id: careful, text: Be careful.}]
default: allow
articles:
  - id: no-audits
    principle: careful
    title: No audits of forbidden places
    stages: [project.launch]
    when: launch.inputs.repository == '/forbidden'
    verdict: deny
    reason: "{launch.blueprint} of that place is not wanted"
    remedy: audit something else
  - id: ask-first
    principle: careful
    title: Ask before odd places
    stages: [project.launch]
    when: launch.inputs.repository == '/odd'
    verdict: approve
    reason: odd places are asked about
"""


@pytest.fixture(scope="session")
def prefect(prefect_server):
    with httpx.Client(base_url=prefect_server + "/", timeout=30) as http:
        yield http


@pytest.fixture
def deployment(prefect):
    """The driver's deployment, as a hub has it."""
    return deploy(prefect)


def deploy(prefect) -> str:
    flow = prefect.post("flows/", json={"name": "run-project"}).json()["id"]
    schema = {"type": "object", "properties": {"project_id": {"type": "string"}}, "required": ["project_id"]}
    body = {
        "name": "hub",
        "flow_id": flow,
        "entrypoint": "flows.project.run_project",
        "parameter_openapi_schema": schema,
        "enforce_parameter_schema": True,
    }
    return prefect.post("deployments/", json=body).json()["id"]


def undeploy(prefect) -> None:
    found = prefect.get("deployments/name/run-project/hub")
    if found.is_success:
        prefect.delete(f"deployments/{found.json()['id']}")


def runs(prefect, project) -> list:
    query = {"flow_runs": {"tags": {"all_": [f"project:{project}"]}}}
    return prefect.post("flow_runs/filter", json=query).json()


@pytest.fixture(scope="session")
def launching(serve, prefect, prefect_server, tmp_path_factory):
    """A gateway with Prefect beside it and a constitution that forbids two places."""
    port = httpx.URL(prefect_server).port
    document = tmp_path_factory.mktemp("constitution") / "constitution.yaml"
    document.write_text(CONSTITUTION)
    with serve(prefect_port=port, constitution=document) as gateway:
        yield gateway


def test_a_launch_starts_one_driver(launching, prefect, deployment):
    """Launching makes the project run and creates exactly one run of the driver, scheduled for now."""
    project = launching.project()

    launched = launching.client().launch(project.id)

    assert launched.state == "running"
    assert launched.launched_at is not None
    (run,) = runs(prefect, project.id)
    assert run["parameters"] == {"project_id": project.id}
    assert (run["deployment_id"], run["state_name"]) == (deployment, "Scheduled")


def test_a_second_launch_is_a_conflict(launching, prefect, deployment):
    """A project is launched once; the second try is told so and starts nothing."""
    project = launching.project()
    launching.client().launch(project.id)

    with pytest.raises(Conflict, match="cannot be launched again"):
        launching.client().launch(project.id)

    assert len(runs(prefect, project.id)) == 1


def test_an_answer_starts_the_driver_again(launching, prefect, deployment):
    """After the answer to a question the driver is started once more, once for each question."""
    project = launching.project()
    launching.client().launch(project.id)
    asked = launching.question(project)

    launching.client().answer(asked.id, "approve")

    assert len(runs(prefect, project.id)) == 2


def test_a_refused_launch_names_the_article(launching, prefect, deployment):
    """The constitution's no is a refusal with article and reason; nothing runs, and it is on record."""
    project = launching.project(inputs={"repository": "/forbidden"})

    with pytest.raises(PolicyDenied, match="article no-audits: repository-audit of that place") as caught:
        launching.client().launch(project.id)

    error = caught.value
    assert (error.article, error.mend) == ("no-audits", "audit something else")
    assert launching.client().project(project.id).state == "planned"
    assert runs(prefect, project.id) == []
    (row,) = launching.records(lambda db: list_records(db, tenant="default", project=project.id))
    assert (row.id, row.verdict, row.stage) == (error.decision, "deny", "project.launch")
    assert (row.principal, json.loads(row.record)["articles"][0]["article"]) == ("admin", "no-audits")


def test_a_refusal_over_http_is_a_problem(launching, deployment):
    """A refused launch is a 403 in the form of every other error."""
    answers = {}
    for place in ("/forbidden", "/odd"):
        project = launching.project(inputs={"repository": place})
        answers[place] = launching.http().post(f"/v1/projects/{project.id}/launch")

    assert {answer.status_code for answer in answers.values()} == {403}
    assert answers["/forbidden"].json()["type"] == "urn:soma:problem:policy-denied"
    assert answers["/odd"].json()["type"] == "urn:soma:problem:approval-needed"


def test_an_allowed_launch_is_on_record_before_it_runs(launching, deployment):
    """When the launch is answered, its decision is stored."""
    project = launching.project()
    launching.client().launch(project.id)

    rows = launching.records(lambda db: list_records(db, tenant="default", project=project.id))
    assert [(row.stage, row.verdict) for row in rows] == [("project.launch", "allow")]


def test_a_new_deployment_is_found(launching, prefect, deployment):
    """When the driver is deployed anew under another id, the next launch finds it."""
    launching.client().launch(launching.project().id)
    undeploy(prefect)
    newer = deploy(prefect)
    project = launching.project()

    launching.client().launch(project.id)

    assert [run["deployment_id"] for run in runs(prefect, project.id)] == [newer]


def test_a_launch_waits_for_prefect(launching, prefect, deployment):
    """With no driver deployed a launch is accepted all the same, and starts once there is one."""
    undeploy(prefect)
    project = launching.project()
    assert launching.client().launch(project.id).state == "running"
    assert runs(prefect, project.id) == []

    deploy(prefect)

    deadline = time.monotonic() + 60
    while not runs(prefect, project.id) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(runs(prefect, project.id)) == 1


def test_a_gateway_with_everything_is_ready(launching):
    """With the database, Prefect and memory there, the gateway says that it is ready."""
    answer = launching.http().get("/ready")

    assert answer.status_code == 200
    assert answer.json()["ready"] is True


def test_logs_of_a_project_are_read_from_prefect(launching, prefect, deployment):
    """What the project's runs logged can be read page by page, oldest first, with the node's name."""
    project = launching.project()
    launching.client().launch(project.id)
    (run,) = runs(prefect, project.id)
    lines = [
        {
            "name": "test",
            "level": level,
            "message": f"line {number}",
            "timestamp": f"2026-01-01T00:00:0{number}Z",
            "flow_run_id": run["id"],
        }
        for number, level in enumerate((20, 30, 40))
    ]
    prefect.post("logs/", json=lines).raise_for_status()

    client = launching.client()
    deadline = time.monotonic() + 30
    while len(client.logs(project.id)) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [(line.level, line.message) for line in client.logs(project.id)] == [
        ("INFO", "line 0"),
        ("WARNING", "line 1"),
        ("ERROR", "line 2"),
    ]
    assert [line.message for line in client.logs(project.id, offset=2)] == ["line 2"]

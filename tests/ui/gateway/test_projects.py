import pytest

ASKED = {"blueprint": "repository-audit", "inputs": {"repository": "/somewhere"}}


def test_a_request_becomes_a_plan(gateway):
    """A blueprint and its answers give a planned project with nodes in order, and nothing runs."""
    answer = gateway.http().post("/v1/projects", json={**ASKED, "title": "Mine"})
    said = answer.json()

    assert answer.status_code == 201
    assert (said["title"], said["state"], said["launched_at"]) == ("Mine", "planned", None)
    assert said["plan_digest"].startswith("sha256:")
    names = [node["node"] for node in said["nodes"]]
    assert (names[0], names[-1]) == ("survey", "publish")
    assert {node["state"] for node in said["nodes"]} == {"waiting"}
    assert said["nodes"][1]["needs"] == ["survey"]


def test_a_project_is_shown_as_it_was_planned(gateway):
    """What planning answered is what is shown and listed afterwards."""
    planned = gateway.client().plan("repository-audit", {"repository": "/elsewhere"})

    shown = gateway.client().project(planned.id)
    assert shown.model_dump(exclude={"last_event"}) == planned.model_dump(exclude={"last_event"})
    assert shown.last_event > 0
    assert planned.id in [project.id for project in gateway.client().projects()]


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        (b"", 422, "body"),
        (b"{", 400, "JSON"),
        (b"[]", 422, "dict"),
        (b"{}", 422, "/blueprint"),
        (b'{"blueprint": 3}', 422, "/blueprint"),
        (b'{"blueprint": "repository-audit", "input": {}}', 422, "/input"),
        (b'{"blueprint": "repository-audit", "title": ""}', 422, "/title"),
        (b'{"blueprint": "repository-audit", "inputs": {"repository": "a\\u0000b"}}', 422, "NUL"),
        (b'{"blueprint": "repository-audit", "inputs": {"\\ud800": "x"}}', 422, "surrogate"),
        (b'{"blueprint": "repository-audit", "inputs": {"repository": 7}}', 422, "repository"),
        (b'{"blueprint": "repository-audit", "inputs": {}}', 422, "repository"),
        (b'{"blueprint": "repository-audit", "inputs": {"repository": "x", "other": 1}}', 422, "other"),
        (b'{"blueprint": "nope"}', 404, "repository-audit"),
        (b"\xff\xfe", 400, ""),
        (b"[" * 5000, 400, ""),
        (b'{"blueprint": "x", "inputs": ' + b'{"a":' * 400 + b"1" + b"}" * 401, 422, "depth"),
        (b'{"blueprint": "repository-audit", "inputs": {"repository": NaN}}', 422, "repository"),
    ],
)
def test_a_bad_request_names_what_is_wrong(gateway, body, status, place):
    """Whatever is wrong with a request is a problem that names the place, never a surprise."""
    answer = gateway.http().post("/v1/projects", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance"} <= set(answer.json())
    assert place in answer.text


def test_a_wrong_field_is_told_without_its_value(gateway):
    """The place of each wrong field is a JSON pointer, and what was sent is not repeated."""
    answer = gateway.http().post("/v1/projects", json={"blueprint": "a", "pass/word": "hunter2"})

    assert [(found["in"], found["place"]) for found in answer.json()["problems"]] == [("body", "/pass~1word")]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    "id", ["prj_missing", "x" * 1000, "..%2f..", "%F0%9F%A6%8A", "a'; DROP TABLE projects"]
)
@pytest.mark.parametrize("tail", ["", "/events", "/artifacts", "/artifacts/x", "/logs"])
def test_an_unknown_project_is_not_found(gateway, id, tail):
    """A wrong id is told as such, with a way to the right one."""
    answer = gateway.http().get(f"/v1/projects/{id}{tail}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_strangers_project_is_not_found(gateway):
    """What belongs to another tenant does not exist for this one, whatever is asked of it."""
    theirs = gateway.project(tenant="others")
    question = gateway.question(theirs)
    http = gateway.http()

    for path in (
        f"/v1/projects/{theirs.id}",
        f"/v1/projects/{theirs.id}/events",
        f"/v1/approvals/{question.id}",
    ):
        assert http.get(path).status_code == 404
    for path in (f"/v1/projects/{theirs.id}/launch", f"/v1/approvals/{question.id}"):
        assert http.post(path, json={"verdict": "approve"}).status_code == 404
    assert theirs.id not in http.get("/v1/projects").text
    assert question.id not in http.get("/v1/approvals").text


def test_unknown_addresses_and_methods_are_problems(gateway):
    """An address or a method that does not exist is told in the same form as everything else."""
    http = gateway.http()
    nowhere, wrong = http.get("/v2/everything"), http.delete("/v1/projects")

    assert (nowhere.status_code, wrong.status_code) == (404, 405)
    for answer in (nowhere, wrong):
        assert answer.headers["content-type"] == "application/problem+json"
    assert "/docs" in nowhere.json()["detail"]
    assert wrong.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("limit", ["0", "501", "many", "-1"])
def test_a_limit_out_of_bounds_is_told(gateway, limit):
    """A query parameter out of bounds is named with its place."""
    answer = gateway.http().get("/v1/projects", params={"limit": limit})

    assert answer.status_code == 422
    assert answer.json()["problems"][0] | {"message": "", "code": ""} == {
        "in": "query",
        "place": "/limit",
        "message": "",
        "code": "",
    }


def test_the_catalogue_is_told(gateway):
    """Blueprints come with their questions and capsules with their manifests."""
    client = gateway.client()

    assert "repository-audit" in [found["name"] for found in client.blueprints()]
    assert {"survey", "publish"} <= {found["name"] for found in client.capsules()}
    assert gateway.http().get("/v1/blueprints/repository-audit").json()["questions"]
    assert gateway.http().get("/v1/capsules/nope").status_code == 404

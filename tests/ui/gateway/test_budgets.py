"""Budgets over HTTP: shown to everybody, set by admins, exact."""


def test_a_limit_is_set_shown_and_taken_away(gateway):
    """Amounts are exact decimals; the tenant's and a project's accounts are shown apart."""
    http, project = gateway.http(), gateway.project()
    owner = {"project": project.id, "kind": "money"}
    made = http.put("/v1/budgets", json={**owner, "limit": "0.000003"})
    node = http.put("/v1/budgets", json={**owner, "limit": 7, "node": "first"})
    gateway.http().put("/v1/budgets", json={"kind": "tokens", "limit": 10**12})
    shown = http.get("/v1/budgets", params={"project": project.id}).json()
    gone = http.put("/v1/budgets", json={**owner, "limit": None})
    tenant = http.put("/v1/budgets", json={"kind": "tokens", "limit": None}).json()

    assert made.json()["left"] == "0.000003"
    assert node.json()["level"] == "node"
    assert [(item["level"], item["node"], item["limit"]) for item in shown] == [
        ("project", None, "0.000003"),
        ("node", "first", "7"),
    ]
    assert (gone.json()["limit"], gone.json()["left"]) == (None, None)
    assert (tenant["level"], tenant["project"], tenant["limit"]) == ("tenant", None, None)


def test_what_makes_no_sense_is_refused(gateway):
    """An unknown kind, node or project, a node of nothing, and a negative limit."""
    http, project = gateway.http(), gateway.project()
    for body, status in (
        ({"kind": "token", "limit": 1}, 422),
        ({"kind": "tokens", "limit": -1}, 422),
        ({"kind": "tokens", "limit": 1, "node": "survey"}, 422),
        ({"kind": "tokens", "limit": 1, "project": "prj_none"}, 404),
        ({"kind": "tokens", "limit": 1, "project": project.id, "node": "nobody"}, 404),
    ):
        assert http.put("/v1/budgets", json=body).status_code == status, body


def test_only_admins_set_limits(gateway):
    """Whoever works with projects may look."""
    made = gateway.client().create_token("olga", ["operator"])
    http = gateway.http(authorization=f"Bearer {made.secret}")
    assert http.get("/v1/budgets").status_code == 200
    assert http.put("/v1/budgets", json={"kind": "tokens", "limit": 1}).status_code == 403


def test_other_tenants_see_and_set_nothing(gateway):
    """A project of another tenant does not exist."""
    other = gateway.project(tenant="other")
    assert gateway.http().get("/v1/budgets", params={"project": other.id}).status_code == 404

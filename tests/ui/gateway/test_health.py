def test_health_asks_nobody(gateway):
    """The gateway is alive whatever else is not, and says so without a token."""
    assert gateway.http(accept="*/*").get("/health").json() == {"status": "alive"}


def test_readiness_lists_what_is_away(gateway):
    """With Prefect away the gateway is not ready, and the list says which part and why."""
    answer = gateway.http(accept="*/*").get("/ready")
    said = answer.json()

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert {check["name"]: check["ok"] for check in said["checks"]} == {
        "database": True,
        "prefect": False,
        "memory": True,
    }
    assert "does not answer" in said["detail"]
    assert gateway.settings.prefect_url in next(
        check["detail"] for check in said["checks"] if not check["ok"]
    )


def test_the_meters_show_projects_and_questions(gateway):
    """Projects by state and open questions are counted from the records at each look."""

    def shown():
        text = gateway.http(accept="*/*").get("/metrics").text
        lines = (line for line in text.splitlines() if not line.startswith("#"))
        return dict(line.rsplit(" ", 1) for line in lines)

    before = shown()
    project = gateway.project()
    gateway.question(project)
    after = shown()

    for name in ('soma_projects{state="planned"}', "soma_approvals_pending"):
        assert float(after[name]) == float(before.get(name, 0)) + 1
    assert any(name.startswith("soma_gateway_request_seconds_bucket") for name in after)


def test_the_documentation_is_open(gateway):
    """The description of the API can be read without a token, and it names every error's form."""
    said = gateway.http(accept="*/*").get("/openapi.json").json()

    assert said["info"]["title"] == "SomaAgentHub"
    assert said["components"]["securitySchemes"]

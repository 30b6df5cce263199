import asyncio
from types import SimpleNamespace

from sqlalchemy import select

from blocks.records.counts import Reading
from blocks.records.database import Database
from blocks.records.figures import Figure
from ui.gateway.health import Figures
from ui.gateway.meters import RecordMeters


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


def figures_of(gateway):
    """What the meters show, by series."""
    text = gateway.http(accept="*/*").get("/metrics").text
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return dict(line.rsplit(" ", 1) for line in lines)


def test_decisions_are_counted_from_the_audit_log(gateway):
    """Each decision counts once, at whatever look; and what was never decided has no number."""
    before = figures_of(gateway)
    with gateway.http() as http:
        for number in range(2):
            items = [{"text": f"something {number}"}]
            assert http.post("/v1/memory", json={"scope": "project:p1", "items": items}).status_code == 201
    gateway.http(accept="*/*").get("/metrics")
    after = figures_of(gateway)

    name = 'soma_decisions_total{stage="memory.write",verdict="allow"}'
    assert float(after[name]) == float(before.get(name, 0)) + 2
    assert after["soma_records_up"] == "1.0"


def test_what_there_is_none_of_is_zero(gateway):
    """A state that no project is in is shown as 0: a series that comes and goes cannot be watched."""
    shown = figures_of(gateway)

    assert 'soma_projects{state="waiting"}' in shown
    assert shown['soma_budget_fullest_ratio{kind="money"}'] == "0.0"
    assert 'soma_limit_waiting{kind="capsule"}' in shown


def test_no_figure_names_anybody(gateway):
    """The meters take no token, so no label holds a tenant, a project or a person."""
    project = gateway.project(tenant="meters-of-nobody", title="secret title")
    text = gateway.http(accept="*/*").get("/metrics").text

    assert "meters-of-nobody" not in text
    assert project.id not in text


def test_figures_of_records_that_are_away_are_not_shown():
    """When the database does not answer, old numbers vanish and one says so."""
    meters = RecordMeters()
    figure = Figure(name="soma_things", text="Things.", query=select(1))
    meters.hold([Reading(figure=figure, values=[((), 4.0)])], {("tool.call", "deny"): 3})
    assert {family.name for family in meters.collect()} == {
        "soma_records_up",
        "soma_things",
        "soma_decisions",
    }

    away = SimpleNamespace(database=Database("postgresql+asyncpg://nobody@127.0.0.1:9/none"))
    asyncio.run(Figures().read(away, meters))

    (left,) = meters.collect()
    assert (left.name, left.samples[0].value) == ("soma_records_up", 0.0)

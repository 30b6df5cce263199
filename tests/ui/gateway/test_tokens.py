"""Tokens: told once, kept as hashes, good for their roles only, and refused soon after they are revoked."""

import asyncio
import json
import time

import httpx
import pytest
from sqlalchemy import text

from blocks.records.audit import list_records
from ui.gateway.app import create_app
from ui.gateway.roles import RULES, roles_for

SOON = 20.0
"""No promise: what a slow machine may take."""


def make(gateway, name="ada", roles=("viewer",), **given):
    answer = gateway.http().post("/v1/tokens", json={"name": name, "roles": list(roles), **given})
    assert answer.status_code == 201, answer.text
    return answer.json()


def asks(gateway, secret, method="GET", path="/v1/whoami", **given):
    return gateway.http(authorization=f"Bearer {secret}").request(method, path, **given)


def test_a_token_speaks_for_whom_it_was_made(gateway):
    """At once, in its roles, and its secret is in no list and no table."""
    made = make(gateway, "ada", ["operator", "approver"])
    said = asks(gateway, made["secret"]).json()
    listed = gateway.http().get("/v1/tokens")

    assert (said["name"], said["roles"], said["tenant"]) == ("ada", ["approver", "operator"], "default")
    assert made["secret"].startswith("soma_")
    assert made["secret"] not in listed.text
    assert made["id"] in listed.text

    async def dump(database):
        async with database.session() as session:
            rows = await session.exec(text("SELECT row_to_json(tokens)::text FROM tokens"))
            kept = [row[0] for row in rows]
        records = await list_records(database, tenant="default", kind="token")
        return kept, [record.record for record in records]

    kept, told = gateway.records(dump)
    assert not any(made["secret"] in line for line in kept + told)


def test_a_revoked_token_is_refused(gateway):
    """Soon after, everywhere; twice revoked is a conflict, and what happened is on record."""
    made = make(gateway, "ben", ["viewer"])
    assert asks(gateway, made["secret"]).status_code == 200
    assert gateway.http().delete(f"/v1/tokens/{made['id']}").status_code == 204
    deadline = time.monotonic() + SOON
    while asks(gateway, made["secret"]).status_code != 401:
        assert time.monotonic() < deadline

    assert gateway.http().delete(f"/v1/tokens/{made['id']}").status_code == 409
    assert gateway.http().delete("/v1/tokens/tok_none").status_code == 404
    records = gateway.records(lambda database: list_records(database, tenant="default", kind="token"))
    told = [json.loads(record.record) for record in records]
    assert [
        (record["event"], record["principal"]["name"], record["roles"], record["by"])
        for record in told
        if record["token"] == made["id"]
    ] == [("created", "ben", ["viewer"], "admin"), ("revoked", "ben", ["viewer"], "admin")]


def test_a_token_ends_when_its_time_is_over(gateway):
    """Nobody has to revoke it."""
    made = make(gateway, "carl", expires_in=1)
    deadline = time.monotonic() + SOON
    while asks(gateway, made["secret"]).status_code != 401:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "admin", "roles": ["viewer"]}, "the hub itself acts as"),
        ({"name": "soma", "roles": ["admin"]}, "the hub itself acts as"),
        ({"name": "Ada Lovelace", "roles": ["viewer"]}, "no name"),
        ({"name": "ada", "roles": ["root"]}, "roles: root"),
        ({"name": "ada", "roles": []}, "roles"),
        ({"name": "ada", "roles": ["viewer"], "expires_in": 366 * 24 * 3600}, "at most 365 days"),
        ({"name": "ada", "roles": ["viewer"], "expires_in": 0}, "expires_in"),
    ],
)
def test_a_wrong_request_makes_no_token(gateway, body, said):
    """The answer says what is wrong with it."""
    answer = gateway.http().post("/v1/tokens", json=body)

    assert answer.status_code == 422
    assert said in answer.text


@pytest.mark.parametrize(
    ("role", "method", "path", "allowed"),
    [
        ("viewer", "GET", "/v1/projects", True),
        ("viewer", "POST", "/v1/projects", False),
        ("viewer", "GET", "/v1/tokens", False),
        ("viewer", "POST", "/v1/approvals/apr_x", False),
        ("viewer", "POST", "/v1/policy/evaluate", True),
        ("operator", "POST", "/v1/projects", True),
        ("operator", "POST", "/v1/approvals/apr_x", False),
        ("operator", "POST", "/v1/constitutions/house@1.0.0/activate", False),
        ("approver", "POST", "/v1/approvals/apr_x", True),
        ("approver", "POST", "/v1/constitutions/activations/1/confirm", True),
        ("approver", "POST", "/v1/constitutions", False),
        ("approver", "POST", "/v1/constitutions/rollback", False),
        ("approver", "PUT", "/v1/constitutions/shadow", False),
        ("approver", "POST", "/v1/tokens", False),
        ("admin", "POST", "/v1/constitutions/rollback", True),
        ("admin", "POST", "/v1/tokens", True),
    ],
)
def test_a_role_allows_what_it_is_for(gateway, secrets_of, role, method, path, allowed):
    """What it does not allow is a 403 that names the roles that do; nothing else has happened."""
    answer = asks(gateway, secrets_of(role), method, path, json={})

    assert (answer.status_code != 403) is allowed
    if not allowed:
        assert "it takes the role admin" in answer.json()["detail"]


@pytest.fixture(scope="module")
def secrets_of(gateway):
    """The secret of a token with a role."""
    made = {}

    def secret(role):
        if role not in made:
            made[role] = make(gateway, f"some-{role}", [role])["secret"]
        return made[role]

    return secret


def test_what_the_table_does_not_name_takes_an_admin(data_dir):
    """A route that somebody adds and forgets here is closed to everybody else."""
    assert roles_for("POST", "/v1/something-new") == {"admin"}
    assert roles_for("GET", "/elsewhere") == {"admin"}
    assert all(rule.path.startswith("/v1/") for rule in RULES)


def test_an_unknown_token_is_refused_while_many_ask(gateway):
    """Guessing finds nothing, and keeps nobody out who has a token."""

    async def many():
        async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
            wrong = [
                client.get("/v1/whoami", headers={"Authorization": f"Bearer soma_{number}"})
                for number in range(40)
            ]
            right = client.get("/v1/whoami", headers={"Authorization": f"Bearer {gateway.token}"})
            return [answer.status_code for answer in await asyncio.gather(*wrong, right)]

    assert asyncio.run(many()) == [401] * 40 + [200]


def test_the_routes_are_there(data_dir):
    """The gateway has them under the table's first rule."""
    from blocks.settings import load_settings

    paths = create_app(load_settings()).openapi()["paths"]

    assert {"/v1/tokens", "/v1/tokens/{token}"} <= set(paths)

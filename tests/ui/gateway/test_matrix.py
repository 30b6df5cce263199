"""Every route with every role, with another tenant's admin, and with tokens that are worth nothing.

The table, `routes.txt`, says who may; a route without a line in it fails, and so does a line without a route.
"""

import base64
import json
import time
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from blocks.identity import Principal
from blocks.records.constitution_tables import Token
from blocks.records.ledger import finish_attempt
from blocks.records.sign_ins import begin_session, end_session
from blocks.records.tenants import ensure_tenant
from blocks.records.tokens import create_token, revoke_token
from blocks.records.users import change_user, create_user
from blocks.signing_in.access_tokens import AGENT, AUDIENCE, ISSUER, PERSON, TokenKey
from ui.gateway.app import create_app

TABLE = Path(__file__).with_name("routes.txt").read_text().splitlines()
ROWS = {(method, path): who for method, path, who in map(str.split, TABLE[1:])}
GUARDED = {route: who for route, who in ROWS.items() if who != "*"}
ROLES = {"v": "viewer", "o": "operator", "d": "developer", "p": "approver", "a": "admin"}
EVERYWHERE = {"none", "alg none", "wrong key", "expired", "revoked", "session over", "attempt over"}
"""The worthless tokens that are tried at every route, and the routes at which the others are tried."""
SOME = [("GET", "/v1/whoami"), ("POST", "/v1/projects"), ("POST", "/v1/memory"), ("GET", "/v1/users")]
AGENTS_ONLY = "good for memory and the bus alone"
SHARED = {"{name}", "{ref}", "{scope}", "{key}", "{topic}", "{memory_id}", "{node}"}
"""What these stand for is everybody's, or is looked for in the caller's own tenant alone, by name."""
BODIES = {
    "PATCH /v1/users/{user}": {"disabled": True},
    "POST /v1/projects/{project}/deadline": {"seconds": 60},
    "POST /v1/projects/{project}/rerun": {"node": "first"},
    "POST /v1/projects/{project}/fork": {},
    "POST /v1/projects/{project}/cancel": {},
    "POST /v1/approvals/{approval}": {"verdict": "approve"},
    "POST /v1/triggers/{trigger}/test": {"event": {}},
    "POST /v1/sessions/{session}/answers": {"version": 1, "answers": {}},
    "POST /v1/sessions/{session}/launch": {"version": 1},
    "PUT /v1/sessions/{session}/blueprint": {"version": 1, "blueprint": "repository-audit"},
    "PUT /v1/sessions/{session}/title": {"version": 1, "title": "mine now"},
}
"""What a request that names something of another tenant sends: all that it lacks is the right."""


def test_the_table_has_every_route(data_dir):
    """A route that somebody adds has to be given a line, or this fails."""
    from blocks.settings import load_settings

    described = create_app(load_settings()).openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in described.items() for method in methods}

    assert routes == set(ROWS)


def test_each_role_may_what_the_table_says_and_nothing_else(gateway, people, programs):
    """The refusal names the roles that it takes; what is allowed fails, if at all, for another reason."""
    wrong = []
    for (method, path), who in GUARDED.items():
        for letter, role in ROLES.items():
            asking = programs if path == "/v1/logout" else people  # which would end the person's session
            answer = asking[role].request(method, filled(path), **body_for(method))
            said = answer.json().get("detail", "") if answer.status_code == 403 else ""
            if (answer.status_code != 401 and "it takes the role" not in said) != (letter in who):
                wrong.append((method, path, role, answer.status_code, said))

    assert wrong == []


def test_an_agent_reaches_memory_and_the_bus_alone(gateway, agent):
    """Its token opens what the table marks, and only for as long as its attempt is the node's newest."""
    token, finish = agent
    with speaking(gateway, token) as client:
        wrong = [
            (method, path)
            for (method, path), who in GUARDED.items()
            if (AGENTS_ONLY in client.request(method, filled(path), **body_for(method)).text) == ("g" in who)
        ]
        assert wrong == []
        assert client.get("/v1/whoami").json()["kind"] == "agent"
        finish()
        until_refused(client)


def test_worthless_tokens_open_nothing(gateway, worthless):
    """Expired, revoked, unsigned, signed with another key or for another door: 401, whatever is asked."""
    assert set(worthless) > EVERYWHERE
    opened = []
    for name, headers in worthless.items():
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=30) as client:
            opened += [
                (name, method, path, answer.status_code)
                for method, path in (GUARDED if name in EVERYWHERE else SOME)
                if (answer := client.request(method, filled(path), **body_for(method))).status_code != 401
            ]

    assert opened == []


def test_another_tenants_admin_finds_nothing(gateway, people, stranger):
    """By no route that names a thing does the admin of one tenant reach what belongs to another."""
    mine = belongings(gateway, people)
    found = []
    for method, path in GUARDED:
        named = {part for part in path.split("/") if part.startswith("{")}
        if not named - SHARED:
            continue
        url = path.replace("/v1/sessions/{session}", f"/v1/sessions/{mine['wizard']}")
        for part in named:
            url = url.replace(part, str(mine.get(part, "none-such")))
        assert named - SHARED <= set(mine), f"say in `belongings` what {path} speaks of"
        answer = stranger.request(method, url, json=BODIES.get(f"{method} {path}"))
        if answer.status_code != 404:
            found.append((method, path, answer.status_code, answer.text[:200]))

    assert found == []
    told = [stranger.get(path).text for method, path in GUARDED if method == "GET" and "{" not in path]
    secrets = [value for value in mine.values() if "_" in str(value)]  # the ids
    assert [secret for secret in secrets for text in told if secret in text] == []
    assert gateway.client().project(str(mine["{project}"])).state == "planned"


def filled(path):
    for part in [part for part in path.split("/") if part.startswith("{")]:
        path = path.replace(part, {"{activation}": "999999", "{scope}": "tenant"}.get(part, "none-such"))
    return path


def body_for(method):
    """A body that no route takes: whoever is let in gets no further."""
    return {"json": []} if method in {"POST", "PUT", "PATCH"} else {}


def speaking(gateway, token):
    return gateway.http(authorization=f"Bearer {token}")


def until_refused(client):
    deadline = time.monotonic() + 20  # no promise: what a slow machine may take
    while client.get("/v1/whoami").status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def key_of(gateway):
    return TokenKey.ensure(gateway.settings.keys_path)


async def person(database, key, name, *roles, tenant="default"):
    """A user of these roles with a session, and its token."""
    await ensure_tenant(database, tenant)
    by = Principal(tenant=tenant, name="test")
    user = await create_user(
        database, tenant=tenant, name=name, roles=frozenset(roles), password="x", one_time=False, by=by
    )
    session = (await begin_session(database, user)).session
    return session, key.make(PERSON, name, tenant, roles=list(roles), sid=session.id)


@pytest.fixture(scope="module")
def people(gateway):
    """A client for each role, with the token of a person who has signed in."""
    key = key_of(gateway)

    async def sign_in(database):
        return {role: (await person(database, key, f"m-{role}", role))[1] for role in ROLES.values()}

    clients = {role: speaking(gateway, token) for role, token in gateway.records(sign_in).items()}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture(scope="module")
def programs(gateway):
    """A client for each role, with an API key."""
    with gateway.client() as client:
        made = {role: client.create_token(f"p-{role}", [role]).secret for role in ROLES.values()}
    return {role: speaking(gateway, secret) for role, secret in made.items()}


@pytest.fixture(scope="module")
def stranger(gateway):
    """The admin of another tenant."""
    _, token = gateway.records(
        lambda database: person(database, key_of(gateway), "eve", "admin", tenant="elsewhere")
    )
    with speaking(gateway, token) as client:
        yield client


@pytest.fixture
def agent(gateway):
    """The token of an attempt that is at work, and a way to end the attempt."""
    mandate, token = gateway.agent()
    return token, lambda: gateway.records(lambda db: finish_attempt(db, mandate.attempt, "failed"))


def belongings(gateway, people):
    """One thing of each kind that belongs to the hub's own tenant, by what stands for it in a path."""
    project = gateway.project()
    question = gateway.question(project)
    with gateway.client() as client:
        webhook = {"name": "mine", "blueprint": "repository-audit", "webhook": {}}
        trigger = client.add_trigger({**webhook, "inputs": {"repository": "/somewhere"}})
        token = client.create_token("zoe", ["viewer"])
        [session] = client.sessions_of("m-viewer")
    replay = (
        people["admin"]
        .post("/v1/replays", json={"ref": "active", "since": "2026-01-01T00:00:00+00:00"})
        .json()["id"]
    )
    people["admin"].put("/v1/memory/kv/tenant/mine", json={"value": 1})
    [decision] = people["admin"].get("/v1/audit?limit=1").json()
    wizard = people["admin"].post("/v1/sessions", json={"blueprint": "repository-audit"}).json()
    return {
        "{project}": project.id,
        "{approval}": question.id,
        "{trigger}": trigger.id,
        "{token}": token.id,
        "{user}": "m-viewer",
        "{session}": session.id,
        "wizard": wizard["id"],
        "{replay}": replay,
        "{decision}": decision["record"]["id"],
        "{activation}": 1,
        "{node}": "first",
        "{name}": "report.html",
    }


@pytest.fixture(scope="module")
def worthless(gateway):
    """Headers with credentials that look right and are not."""
    key, other = key_of(gateway), TokenKey.ensure(gateway.settings.data_dir / "other-keys")
    (live, right), over, disabled, revoked, expired = gateway.records(lambda db: credentials(db, key))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "w-live", "tenant": "default", "sid": live.id}
    claims |= {"roles": ["admin"], "jti": "j", "iat": int(time.time()), "exp": int(time.time()) + 600}
    _, old_generation = gateway.agent(generation=2)
    _, old_attempt = gateway.agent(number=7)
    ended, ended_token = gateway.agent()
    gateway.records(lambda db: finish_attempt(db, ended.attempt, "failed"))
    tokens = {
        "alg none": ".".join([part({"alg": "none", "typ": PERSON, "kid": key.id}), part(claims), ""]),
        "no signature": right.rpartition(".")[0] + ".",
        "another's signature": right.rpartition(".")[0] + "." + over.rpartition(".")[2],
        "wrong key": other.make(PERSON, "w-live", "default", roles=["admin"], sid=live.id),
        "wrong key, right name": signed(other, {"alg": "EdDSA", "typ": PERSON, "kid": key.id}, claims),
        "secret made of the public key": with_public_key(key, claims),
        "expired": signed(key, head(key), {**claims, "exp": int(time.time()) - 60}),
        "without an end": signed(key, head(key), {k: v for k, v in claims.items() if k != "exp"}),
        "another door": signed(key, head(key), {**claims, "aud": "elsewhere"}),
        "another hub": signed(key, head(key), {**claims, "iss": "elsewhere"}),
        "another person": signed(key, head(key), {**claims, "sub": "m-admin"}),
        "another tenant": signed(key, head(key), {**claims, "tenant": "elsewhere"}),
        "no session": signed(key, head(key), {k: v for k, v in claims.items() if k != "sid"}),
        "a person's as an agent's": signed(key, head(key, AGENT), claims),
        "session over": over,
        "user disabled": disabled,
        "revoked": revoked,
        "api key expired": expired,
        "attempt over": ended_token,
        "attempt overtaken": old_attempt,
        "done anew": old_generation,
        "made up": "soma_made-up",
        "too long": "a" * 5000 + ".b.c",
    }
    headers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
    return {"none": {"accept": "*/*"}, "basic": {"Authorization": "Basic YWRtaW46YWRtaW4="}, **headers}


async def credentials(database, key):
    """A good session, one that is over, a disabled user's, a revoked token and one whose time is over."""
    by = Principal(tenant="default", name="test")
    good = await person(database, key, "w-live", "admin")
    session, over = await person(database, key, "w-over", "admin")
    await end_session(database, session.id, tenant="default", user="w-over", by="test")
    _, disabled = await person(database, key, "w-disabled", "admin")
    await change_user(database, "w-disabled", tenant="default", by=by, disabled=True)
    revoked = await create_token(database, name="w-revoked", roles=frozenset({"admin"}), by=by)
    await revoke_token(database, revoked.token.id, by=by)
    expired = await create_token(database, name="w-expired", roles=frozenset({"admin"}), by=by)
    async with database.session() as session:
        row = await session.get_one(Token, expired.token.id)
        row.expires_at = row.created_at
        session.add(row)
    return good, over, disabled, revoked.secret, expired.secret


def head(key, kind=PERSON):
    return {"alg": "EdDSA", "kid": key.id, "typ": kind}


def signed(key, header, claims):
    return jwt.encode(header, claims, key._key, algorithms=["EdDSA"])


def with_public_key(key, claims):
    """The old trick: the public key, taken for a shared secret."""
    secret = OctKey.import_key(json.dumps(key.public()))
    return jwt.encode({"alg": "HS256", "kid": key.id, "typ": PERSON}, claims, secret, algorithms=["HS256"])


def part(said):
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

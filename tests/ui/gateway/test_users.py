"""Users and tenants over HTTP: who may look after whom, and what changes at once."""

import time

import pytest

from blocks.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from ui.client import HubClient

GOOD = "correct horse battery"


@pytest.fixture(scope="module")
def acme(gateway):
    """Another tenant with an admin who has signed in."""
    with gateway.client() as client:
        client.create_tenant("acme", name="Acme Ltd.")
        client.create_user("ada", ["admin"], password=GOOD, tenant="acme")
    with HubClient(gateway.url, "") as client:
        client.speak_for(client.login("ada", GOOD, tenant="acme").access_token)
        yield client


def test_a_tenant_begins_with_the_shipped_constitution(gateway, acme):
    """Its admin finds it in force, and nothing of anybody else's."""
    history = acme._get("/v1/constitutions/history")
    asked = {"stage": "memory.write", "action": "remember", "facts": {"memory": {"scope": "project"}}}

    assert [step["asked_by"] for step in history] == ["soma"]
    assert acme._get("/v1/constitutions/active")["name"] == history[0]["name"]
    assert acme._post("/v1/policy/evaluate", asked)["verdict"] == "allow"
    assert acme.projects() == []
    assert [user.name for user in acme.users()] == ["ada"]


def test_each_tenant_has_its_own_constitution_in_force(gateway, acme):
    """What a tenant puts in force holds for its requests, at once, and for nobody else's."""
    import yaml

    from blocks.constitution.parsed import parsed
    from blocks.constitution.signing import sign
    from blocks.keys import SigningKey

    nothing = {
        "apiVersion": "soma/v1",
        "kind": "Constitution",
        "metadata": {"name": "nothing", "version": "1.0.0"},
        "default": "deny",
        "articles": [],
    }
    text = yaml.safe_dump(nothing)
    signature = sign(parsed(text), SigningKey.ensure(gateway.settings.keys_path))
    acme._post("/v1/constitutions", {"text": text, "signature": signature.signature, "key": signature.key})
    since = {"since": "2026-01-01T00:00:00+00:00"}
    replay = acme._post("/v1/replays", {"ref": "nothing@1.0.0", **since})
    acme._get(f"/v1/replays/{replay['id']}")  # whoever has looked at it needs no second person
    acme._post("/v1/constitutions/nothing@1.0.0/activate", {"replay": replay["id"], "reason": "test"})
    asked = {"scope": "project:prj_1", "items": [{"text": "a note"}]}

    deadline = time.monotonic() + 20
    while acme._http.post("/v1/memory", json=asked).status_code != 403:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert gateway.http().post("/v1/memory", json=asked).status_code == 201


def test_only_who_runs_the_hub_looks_after_tenants(gateway, acme):
    """An admin of another tenant makes no tenants, and users of the own tenant alone."""
    for forbidden in (
        acme.tenants,
        lambda: acme.create_tenant("more"),
        lambda: acme.users(tenant="default"),
        lambda: acme.create_user("spy", ["admin"], tenant="default"),
        lambda: acme.change_user("m-admin", disabled=True, tenant="default"),
        lambda: acme.sessions_of("m-admin", tenant="default"),
    ):
        with pytest.raises(Forbidden, match="you are of the tenant 'acme'"):
            forbidden()
    made = acme.create_user("ben", ["viewer"], password=GOOD)

    assert made.tenant == "acme"
    with gateway.client() as client:
        assert {"acme", "default"} <= {tenant.id for tenant in client.tenants()}
        assert [user.name for user in client.users(tenant="acme")] == ["ada", "ben"]
        with pytest.raises(Conflict):
            client.create_tenant("acme")
        with pytest.raises(NotFound):
            client.create_user("ada", ["admin"], tenant="nowhere")
        with pytest.raises(BadInput):
            client.create_tenant("Not An Id")


def test_roles_that_change_hold_for_sessions_that_are_open(gateway, acme):
    """No new token is needed to lose a right; a disabled user is out, and back in only by signing in."""
    acme.create_user("carl", ["operator"], password=GOOD)
    with HubClient(gateway.url, "") as carl:
        carl.speak_for(carl.login("carl", GOOD, tenant="acme").access_token)
        with pytest.raises(NotFound):
            carl.launch("prj_none")
        acme.change_user("carl", roles=["viewer"])
        wait_for(Forbidden, lambda: carl.launch("prj_none"))
        acme.change_user("carl", disabled=True)
        wait_for(Unauthenticated, carl.whoami)
        with pytest.raises(Unauthenticated):
            carl.login("carl", GOOD, tenant="acme")
        acme.change_user("carl", disabled=False)
        with pytest.raises(Unauthenticated):
            carl.whoami()
        assert carl.login("carl", GOOD, tenant="acme").roles == ["viewer"]


def test_a_reset_password_keeps_the_old_one_out(gateway, acme):
    """The user's sessions end, and the password for one time is told once."""
    acme.create_user("dora", ["viewer"], password=GOOD)
    with HubClient(gateway.url, "") as dora:
        dora.speak_for(dora.login("dora", GOOD, tenant="acme").access_token)
        once = acme.change_user("dora", reset_password=True).one_time_password
        wait_for(Unauthenticated, dora.whoami)
        with pytest.raises(Unauthenticated):
            dora.login("dora", GOOD, tenant="acme")
        dora.login("dora", once, tenant="acme", new_password="a third good one 42")

    assert once is not None
    assert not any(user.one_time for user in acme.users() if user.name == "dora")


def test_an_admin_ends_a_session(gateway, acme):
    """It is listed while it lasts, ended, and then gone from the list."""
    acme.create_user("emil", ["viewer"], password=GOOD)
    with HubClient(gateway.url, "") as emil:
        emil.speak_for(emil.login("emil", GOOD, tenant="acme").access_token)
        [session] = acme.sessions_of("emil")
        acme.end_session("emil", session.id)
        wait_for(Unauthenticated, emil.whoami)

    assert acme.sessions_of("emil") == []
    with pytest.raises(NotFound):
        acme.end_session("ada", session.id)
    with pytest.raises(NotFound):
        acme.sessions_of("nobody")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "admin", "roles": ["viewer"]}, "the hub itself acts as"),
        ({"name": "Ada Lovelace", "roles": ["viewer"]}, "no name for a user"),
        ({"name": "ada-2", "roles": ["root"]}, "roles: root"),
        ({"name": "ada-2", "roles": ["viewer"], "password": "weak-pw"}, "12 to 256"),
        ({"name": "ada-2", "roles": []}, "roles"),
        ({"name": "ada-2", "roles": ["viewer"], "disabled": True}, "disabled"),
    ],
)
def test_a_wrong_request_makes_no_user(gateway, body, said):
    """The answer says what is wrong with it."""
    answer = gateway.http().post("/v1/users", json=body)

    assert answer.status_code == 422
    assert said in answer.text
    assert "weak-pw" not in answer.text


def wait_for(error, ask):
    deadline = time.monotonic() + 20  # no promise: what a slow machine may take
    while time.monotonic() < deadline:
        try:
            ask()
        except error:
            return
        except NotFound:
            pass
        time.sleep(0.02)
    raise AssertionError(f"no {error.__name__}")

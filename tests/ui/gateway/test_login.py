"""Signing in over HTTP, and everything by which it ends."""

import json
import time

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from blocks.errors import (
    BadInput,
    Conflict,
    Forbidden,
    PasswordUsedUp,
    TooManyTries,
    Unauthenticated,
    WrongCredentials,
)
from blocks.records.audit import list_records
from blocks.records.database import Database
from blocks.signing_in.access_tokens import TokenKey
from ui.client import HubClient
from ui.gateway import login
from ui.gateway.auth import Doorkeeper

GOOD = "correct horse battery"
SOON = 20.0
"""No promise: what a slow machine may take."""


@pytest.fixture
def user(gateway, request):
    """A user with a password of their own; the name is the test's."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:50]
    with gateway.client() as client:
        client.create_user(name, ["viewer"], password=GOOD)
    return name


@pytest.fixture
def nobody(gateway):
    """A client that has no token yet."""
    with HubClient(gateway.url, "") as client:
        yield client


def refused_soon(client):
    deadline = time.monotonic() + SOON
    while True:
        try:
            client.whoami()
        except Unauthenticated:
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_person_signs_in_works_and_signs_out(gateway, user, nobody):
    """Tokens speak for the person in the person's roles, are replaced in time, and end together."""
    signed = nobody.login(user.upper(), GOOD)
    nobody.speak_for(signed.access_token)
    said = nobody.whoami()
    again = nobody.refresh(signed.refresh_token)
    with HubClient(gateway.url, again.access_token) as other:
        assert other.whoami().name == user
        nobody.logout()
        refused_soon(nobody)
        refused_soon(other)

    assert (said.tenant, said.name, said.roles, said.kind) == ("default", user, ["viewer"], "user")
    assert signed.expires_in == 900
    assert again.session == signed.session
    assert again.access_token != signed.access_token
    with pytest.raises(Unauthenticated):
        nobody.refresh(again.refresh_token)


def test_the_key_set_is_enough_to_check_a_token(gateway, user, nobody):
    """Another program finds the key and reads the token, which says who, for whom and until when."""
    signed = nobody.login(user, GOOD)
    keys = KeySet.import_key_set(httpx.get(f"{gateway.url}/.well-known/jwks.json").json())
    claims = jwt.decode(signed.access_token, keys, algorithms=["EdDSA"]).claims

    assert {"iss", "aud", "sub", "tenant", "roles", "jti", "iat", "exp", "sid"} <= set(claims)
    assert (claims["sub"], claims["roles"]) == (user, ["viewer"])


def test_wrong_names_and_wrong_passwords_are_told_alike(gateway, user, nobody):
    """The answer tells nobody who is a user here; what was typed is in no answer and no record."""
    answers = [
        gateway.http(accept="*/*").post("/v1/login", json={"user": name, "password": password})
        for name, password in ((user, "not-the-password-9"), ("nobody-9", GOOD), (user, "x"))
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert not any("not-the-password-9" in answer.text for answer in answers)
    kept = gateway.records(lambda database: list_records(database, tenant="default", kind="user"))
    told = [json.loads(record.record) for record in kept if user in record.record]
    assert [record["event"] for record in told] == ["created", "sign-in refused", "sign-in refused"]
    assert not any("not-the-password-9" in record.record for record in kept)
    with pytest.raises(WrongCredentials):
        nobody.login(user, GOOD, tenant="elsewhere")


def test_too_many_tries_have_to_wait(gateway, nobody):
    """Also for a name that does not exist, and the answer says for how long."""
    for _ in range(login.FREE_TRIES + 1):
        with pytest.raises(WrongCredentials):
            nobody.login("guessed", "whatever it is")
    with pytest.raises(TooManyTries) as caught:
        nobody.login("guessed", "whatever it is")
    answer = gateway.http(accept="*/*").post("/v1/login", json={"user": "guessed", "password": "x"})

    assert caught.value.retry_after >= 1
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_a_password_for_one_time_is_changed_at_once(gateway, nobody):
    """It opens nothing but the choice of another, once, and a weak choice leaves it as it is."""
    with gateway.client() as client:
        made = client.create_user("newcomer", ["operator"])
    once = made.one_time_password
    with pytest.raises(PasswordUsedUp):
        nobody.login("newcomer", once)
    with pytest.raises(BadInput, match="12 to 256"):
        nobody.login("newcomer", once, new_password="short")
    with pytest.raises(Conflict):
        nobody.login("newcomer", once, new_password=once)
    signed = nobody.login("newcomer", once, new_password=GOOD)

    assert signed.roles == ["operator"]
    assert nobody.login("newcomer", GOOD).user == "newcomer"
    with pytest.raises(WrongCredentials):
        nobody.login("newcomer", once, new_password=GOOD)


def test_a_changed_password_ends_the_other_sessions(gateway, user, nobody):
    """The session in which it was changed goes on; a token that is no session's cannot change any."""
    mine, other = nobody.login(user, GOOD), nobody.login(user, GOOD)
    with HubClient(gateway.url, mine.access_token) as client:
        with pytest.raises(WrongCredentials):
            client.change_password("not my password", "another good one 42")
        client.change_password(GOOD, "another good one 42")
        nobody.speak_for(other.access_token)
        refused_soon(nobody)
        assert client.whoami().name == user
    with gateway.client() as admin, pytest.raises(Forbidden):
        admin.change_password("x", "another good one 42")
    with gateway.client() as admin, pytest.raises(Conflict):
        admin.logout()


def test_every_process_refuses_what_was_revoked(gateway, user, nobody):
    """Another gateway on the same records believed a session and learns by itself that it is over."""
    signed = nobody.login(user, GOOD)
    nobody.speak_for(signed.access_token)

    async def another_process(database):
        key = TokenKey.ensure(gateway.settings.keys_path)
        doorkeeper = Doorkeeper(gateway.token, "default", Database(database.url), key)
        assert (await doorkeeper.principal(signed.access_token)).name == user
        nobody.logout()
        deadline = time.monotonic() + SOON
        while time.monotonic() < deadline:
            try:
                await doorkeeper.principal(signed.access_token)
            except Unauthenticated:
                return True
        return False

    assert gateway.records(another_process)


def test_an_event_stream_ends_with_its_session(gateway, user, nobody):
    """Whoever is signed out hears nothing more, though the stream was open."""
    project = gateway.project()
    signed = nobody.login(user, GOOD)
    nobody.speak_for(signed.access_token)
    heard = nobody.events(project.id)
    assert next(heard).kind
    with HubClient(gateway.url, signed.access_token) as same:
        same.logout()

    assert len(list(heard)) < 100  # it comes to an end, without the project's


def test_a_client_goes_on_with_another_token(gateway, user, nobody):
    """A token that is over is renewed where it can be, once; the caller notices nothing."""
    first = nobody.login(user, GOOD)
    with HubClient(gateway.url, first.access_token) as same:
        same.logout()
        refused_soon(same)
    second = nobody.login(user, GOOD)
    with HubClient(gateway.url, first.access_token, renew=lambda: second.access_token) as client:
        assert client.whoami().name == user
        client.logout()
        refused_soon(client)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"user": "ada"},
        {"user": "", "password": "x"},
        {"user": "ada", "password": "x" * 2000},
        {"user": "ada", "password": {"$ne": ""}},
        {"user": ["ada"], "password": "x"},
        {"user": "ada\0", "password": "x"},
        {"user": "ada", "password": "x", "admin": True},
        {"user": "\ud800", "password": "x"},
    ],
)
def test_a_malformed_sign_in_is_bad_input(gateway, body):
    """It says which field is wrong and repeats nothing of the password."""
    answer = gateway.http(accept="*/*").post(
        "/v1/login", content=json.dumps(body), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 422
    assert "xxxx" not in answer.text

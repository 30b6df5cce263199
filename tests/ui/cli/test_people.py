"""`soma users`, `soma login` and `soma tenants`, as people use them."""

import io
import json
import sys

import pytest


@pytest.fixture
def typed(monkeypatch):
    """What stands on standard input."""
    return lambda *lines: monkeypatch.setattr(
        sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines))
    )


@pytest.fixture
def signed_out(soma, typed):
    """Whoever a test signs in is signed out at its end: others share the data folder."""
    yield
    soma("logout")


@pytest.mark.usefixtures("signed_out")
def test_a_person_begins_with_the_password_for_one_time(soma, typed):
    """It alone is on standard output; with a password of one's own the commands speak for oneself."""
    made = soma("users", "create", "hanna", "--role", "viewer")
    typed(made.out.strip(), "correct horse battery")
    signed = soma("login", "hanna", "--password-stdin")
    refused = soma("users", "list")
    seen = soma("status")
    soma("logout")
    listed = json.loads(soma("users", "list", "--json").out)
    user = next(user for user in listed if user["name"] == "hanna")

    assert (made.code, signed.code, seen.code, refused.code) == (0, 0, 0, 2)
    assert len(made.out.strip()) == 19
    assert "it takes the role admin" in refused.err
    assert not user["one_time"]
    assert user["signed_in_at"]
    assert made.out.strip() not in made.err + signed.out + signed.err


@pytest.mark.usefixtures("signed_out")
def test_an_admin_changes_disables_and_resets(soma, typed):
    """Each command says what is so now, and the list agrees."""
    typed("correct horse battery")
    assert soma("users", "create", "ida", "--role", "viewer", "--password-stdin").out == ""
    assert "ida: operator" in soma("users", "roles", "ida", "--role", "operator").out
    typed("correct horse battery")
    assert soma("login", "ida", "--password-stdin").code == 0
    soma("logout")
    typed("correct horse battery")
    assert soma("login", "ida", "--password-stdin").code == 0
    soma_admin = soma("users", "disable", "ida")
    assert soma_admin.code == 2  # it speaks for Ida, who is no admin
    soma("logout")
    assert "disabled" in soma("users", "disable", "ida").out
    assert "disabled" in soma("users", "list").out
    typed("correct horse battery")
    refused = soma("login", "ida", "--password-stdin")
    assert (refused.code, "wrong" in refused.err) == (2, True)
    assert soma("users", "enable", "ida").code == 0
    assert len(soma("users", "reset", "ida").out.strip()) == 19


def test_a_tenant_gets_its_first_user(soma):
    """The command says how, and the user is of that tenant alone."""
    made = soma("tenants", "create", "globex", "--name", "Globex")
    user = soma("users", "create", "jan", "--role", "admin", "--tenant", "globex")

    assert "--tenant globex" in made.out
    assert (made.code, user.code) == (0, 0)
    assert "jan" in soma("users", "list", "--tenant", "globex").out
    assert "jan" not in soma("users", "list").out
    assert "Globex" in soma("tenants", "list").out


@pytest.mark.parametrize(
    "arguments",
    [
        ("login", "nobody", "--password-stdin"),
        ("login", "nobody"),
        ("logout",),
        ("users", "create", "Not A Name", "--role", "viewer"),
        ("users", "create", "kim", "--role", "root"),
        ("users", "disable", "nobody"),
        ("users", "sessions", "nobody"),
        ("tenants", "create", "Not An Id"),
    ],
)
def test_a_mistake_is_one_line(soma, typed, arguments):
    """With exit code 2 and no traceback."""
    typed("whatever it is")
    said = soma(*arguments)

    assert said.code == 2
    assert len(said.err.strip().splitlines()) == 1
    assert "Traceback" not in said.err

"""`soma tokens` and `soma keys`, as people use them."""

import json

import pytest

from blocks.constitution.document import parse_constitution
from blocks.constitution.signing import check, sign
from blocks.keys import PublicKey, SigningKey, trusted_keys

TEXT = (
    'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\n'
    "default: allow\narticles: []\n"
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_token_is_made_used_and_revoked(soma, monkeypatch):
    """Its secret alone is on standard output, and `SOMA_TOKEN` takes the place of the admin's."""
    made = soma("tokens", "create", "dora", "--role", "viewer", "--expires", "30d")
    monkeypatch.setenv("SOMA_TOKEN", made.out.strip())
    refused = soma("tokens", "list")
    seen = soma("status")
    monkeypatch.delenv("SOMA_TOKEN")
    listed = soma("tokens", "list", "--json")
    token = next(token for token in json.loads(listed.out) if token["principal"] == "dora")
    revoked = soma("tokens", "revoke", token["id"])

    assert (made.code, seen.code, revoked.code, refused.code) == (0, 0, 0, 2)
    assert "it takes the role admin" in refused.err
    assert made.out.strip().startswith("soma_")
    assert made.out.strip() not in made.err + listed.out
    assert token["expires_at"]
    assert "revoked" in soma("tokens", "list").out


@pytest.mark.parametrize("arguments", [("--role", "root"), ("--role", "viewer", "--expires", "soon")])
def test_a_wrong_token_is_one_line(soma, arguments):
    """With the mend, and exit code 2."""
    said = soma("tokens", "create", "dora", *arguments)

    assert said.code == 2
    assert len(said.err.strip().splitlines()) == 1
    assert "Traceback" not in said.err


def test_an_author_makes_a_key_and_the_hub_trusts_it(run, here, data_dir):
    """What the author signs with it then counts; the hub's own key is listed beside it."""
    made = run("keys", "new", "ada")
    trusted = run("keys", "trust", "ada.pub")
    hub = run("keys", "show")
    listed = json.loads(run("keys", "list", "--json").out)

    key = SigningKey.load(here / "ada.key")
    constitution = parse_constitution(TEXT, "c")
    check(constitution, sign(constitution, key), trusted_keys(data_dir / "keys"))
    assert (made.code, trusted.code, hub.code) == (0, 0, 0)
    assert {found["key"] for found in listed} == {key.id, PublicKey.from_text(hub.out).id}
    assert "PRIVATE" not in made.out + trusted.out + hub.out + hub.err


def test_wrong_keys_are_one_line(run, here, data_dir):
    """A private key is not trusted, a key is not overwritten, a path is no name."""
    assert run("keys", "new", "ada").code == 0
    before = (here / "ada.key").read_text()

    for arguments in (
        ("new", "ada"),
        ("new", "../ada"),
        ("trust", "ada.key"),
        ("trust", "nowhere.pub"),
    ):
        said = run("keys", *arguments)
        assert (said.code, len(said.err.strip().splitlines())) == (2, 1)
    assert (here / "ada.key").read_text() == before

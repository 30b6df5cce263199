"""Tokens that are checked by their signature alone."""

import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from blocks.identity import Mandate, Principal
from blocks.keys import SigningKey, trusted_keys
from blocks.signing_in import passport as passports
from blocks.signing_in.access_tokens import AGENT, PERSON, NotGenuine, TokenKey
from blocks.signing_in.passport import Passport


@pytest.fixture
def key(tmp_path):
    return TokenKey.ensure(tmp_path / "keys")


def test_what_was_made_is_read(key):
    """Kind and claims come back, with when it ends and whom it is for."""
    kind, claims = key.read(key.make(PERSON, "ada", "default", roles=["viewer"], sid="sgn_1"))

    assert kind == PERSON
    assert (claims["sub"], claims["tenant"], claims["roles"], claims["sid"]) == (
        "ada",
        "default",
        ["viewer"],
        "sgn_1",
    )
    assert (claims["iss"], claims["aud"]) == ("soma-agent-hub", "gateway")
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert claims["jti"]


def test_claims_that_the_hub_gives_cannot_be_given_otherwise(key):
    """Whoever makes a token cannot make it last, or be somebody else's."""
    _, claims = key.read(key.make(PERSON, "ada", "default", exp=9**12, iss="me"))

    assert claims["exp"] < 9**11
    assert claims["iss"] == "soma-agent-hub"


def test_any_other_letter_makes_it_worthless(key):
    """A token with one character changed, left out or added is not genuine, and says nothing more."""
    token = key.make(PERSON, "ada", "default")
    for place in range(0, len(token) - 1, 7):  # the last one has bits that say nothing
        other = "A" if token[place] != "A" else "B"
        for changed in (
            token[:place] + other + token[place + 1 :],
            token[:place] + token[place + 1 :],
            token[:place] + "é" + token[place:],
        ):
            with pytest.raises(NotGenuine):
                key.read(changed)


def test_the_public_key_is_enough_to_check(key):
    """What the hub publishes has no private part, and any program can check with it."""
    public = key.public()

    assert set(public) == {"kty", "crv", "x", "kid", "use", "alg"}
    token = key.make(PERSON, "ada", "default")
    assert jwt.decode(token, OKPKey.import_key(public), algorithms=["EdDSA"]).claims["sub"] == "ada"
    head = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    assert head == {"alg": "EdDSA", "kid": public["kid"], "typ": "at+jwt"}


def test_the_key_is_private_made_once_and_signs_no_constitutions(tmp_path):
    """Many that start at the same time have the same key; it is not among those that are trusted."""
    folder = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        ids = {key.id for key in pool.map(lambda _: TokenKey.ensure(folder), range(16))}
    SigningKey.ensure(folder)

    assert len(ids) == 1
    assert stat.S_IMODE((folder / "tokens.key").stat().st_mode) == 0o600
    assert not ids & set(trusted_keys(folder))


def test_a_passport_is_made_when_it_is_needed_and_anew_in_time(tmp_path, monkeypatch):
    """No key is made before, the token stays the same for a while, and nothing shows it by accident."""
    folder = tmp_path / "keys"
    mandate = Mandate(
        attempt="att_1",
        project="prj_1",
        node="survey",
        number=2,
        generation=3,
        memory=frozenset({"project"}),
    )
    principal = Principal(tenant="default", name="survey@prj_1", kind="agent", on_behalf_of="ada")
    passport = Passport(folder, principal, mandate)
    assert not folder.exists()

    token = passport.token()
    kind, claims = TokenKey.ensure(folder).read(token)
    assert (kind, claims["sub"], claims["on_behalf_of"]) == (AGENT, "agent:survey", "ada")
    assert (claims["attempt"], claims["number"], claims["generation"], claims["memory"]) == (
        "att_1",
        2,
        3,
        ["project"],
    )
    assert passport.token() == token
    assert token not in repr(passport)

    monkeypatch.setattr(passports, "RENEWED", -1)
    assert passport.token() != token

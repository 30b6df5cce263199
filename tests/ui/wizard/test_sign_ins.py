"""Who is signed in to the wizard, on a real gateway."""

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest

from blocks.errors import Unauthenticated, WrongCredentials
from ui.wizard.sign_ins import SignIns

PASSWORD = "quite-a-long-password-1"


@pytest.fixture
def person(gateway):
    """A user of the gateway who may answer questions."""
    name = f"ada{os.urandom(3).hex()}"
    with gateway.client() as client:
        client.create_user(name, ["operator", "approver"], password=PASSWORD)
    return name


@pytest.fixture
def sign_ins(gateway):
    """The sign-ins of a wizard beside the gateway."""
    kept = SignIns(gateway.settings)
    yield kept
    kept.close()


def test_a_sign_in_is_known_by_its_number_and_speaks_for_the_person(sign_ins, person):
    """The client of the sign-in is the person's own."""
    number = sign_ins.with_password(person, PASSWORD)
    found = sign_ins.find(number)

    assert person == sign_ins.fresh(found).whoami().name
    assert {"operator", "approver"} == set(found.tokens.roles)
    assert sign_ins.find("another") is None


def test_a_wrong_password_signs_nobody_in(sign_ins, person):
    """The gateway's refusal passes through, and nothing is kept."""
    with pytest.raises(WrongCredentials):
        sign_ins.with_password(person, "a-wrong-password")

    assert 0 == sign_ins.count


def test_a_token_of_ones_own_does_too_and_a_made_up_one_does_not(sign_ins, gateway):
    """Somebody with an API key needs no password."""
    found = sign_ins.find(sign_ins.with_token(gateway.token))

    assert ["admin"] == found.tokens.roles
    with pytest.raises(Unauthenticated):
        sign_ins.with_token("made-up")


def test_a_wizard_that_was_started_anew_knows_people_still(sign_ins, person, gateway):
    """What is kept is readable by the owner alone, and holds no number that a browser has."""
    number = sign_ins.with_password(person, PASSWORD)
    files = list((gateway.settings.data_dir / "wizard").iterdir())
    later = SignIns(gateway.settings)

    assert person == later.fresh(later.find(number)).whoami().name
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}
    assert not [file for file in files if number in file.name or number in file.read_text()]
    later.close()


def test_a_token_that_is_about_to_end_is_replaced(sign_ins, person):
    """The refresh token is used up by that, so the new one is kept as well."""
    number = sign_ins.with_password(person, PASSWORD)
    found = sign_ins.find(number)
    before = found.tokens
    found.tokens.access_ends = datetime.now(UTC) + timedelta(seconds=5)
    client = sign_ins.fresh(found)

    assert person == client.whoami().name
    assert before.access != found.tokens.access
    assert before.refresh != found.tokens.refresh


def test_who_signed_out_is_not_known_and_the_token_is_worth_nothing(sign_ins, person, gateway):
    """Signing out ends the session at the gateway too."""
    number = sign_ins.with_password(person, PASSWORD)
    found = sign_ins.find(number)
    sign_ins.end(found)

    assert sign_ins.find(number) is None
    assert SignIns(gateway.settings).find(number) is None
    with pytest.raises(Unauthenticated):
        as_long_as_it_is_taken(sign_ins, found.tokens.access)


def as_long_as_it_is_taken(sign_ins, token):
    """Sign in again and again: the gateway believes what it has read for less than a second."""
    while True:
        sign_ins.with_token(token)


def test_a_sign_in_that_is_over_is_forgotten(sign_ins, person, gateway):
    """Its file goes with it."""
    number = sign_ins.with_password(person, PASSWORD)
    found = sign_ins.find(number)
    found.tokens.ends = datetime.now(UTC)

    assert sign_ins.find(number) is None
    assert not list((gateway.settings.data_dir / "wizard").glob(f"{found.key}*"))


def test_a_file_that_somebody_changed_signs_nobody_in(sign_ins, person, gateway):
    """Rubbish in the folder is as if nothing was there."""
    number = sign_ins.with_password(person, PASSWORD)
    (gateway.settings.data_dir / "wizard" / f"{sign_ins.find(number).key}.json").write_text('{"who": 1}')

    assert SignIns(gateway.settings).find(number) is None

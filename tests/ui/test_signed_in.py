"""The session that the command line keeps: private, carried on by one command at a time, sent to one hub."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from blocks.errors import BadInput, Unauthenticated
from blocks.settings import load_settings
from ui.client import HubClient
from ui.signed_in import current_login, forget, keep, kept_login, login_path

GOOD = "correct horse battery"


@pytest.fixture(scope="module")
def grete(gateway):
    with gateway.client() as client:
        client.create_user("grete", ["viewer"], password=GOOD)
    return "grete"


@pytest.fixture
def kept(gateway, grete, tmp_path):
    """Settings of a data folder in which a user is signed in at the gateway."""
    settings = load_settings(data_dir=tmp_path)
    with HubClient(gateway.url, "") as client:
        keep(settings, gateway.url, client.login(grete, GOOD))
    return settings


def over_soon(settings):
    """Let the access token be nearly over."""
    found = kept_login(settings)
    login_path(settings).write_text(
        found.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(seconds=5)}).model_dump_json()
    )
    return found


def test_the_commands_speak_for_who_has_signed_in(gateway, kept):
    """At the hub of the session, wherever the local one is; the file is its owner's alone."""
    with HubClient.from_settings(kept) as client:
        assert (client.url, client.whoami().name) == (gateway.url, "grete")
    assert stat.S_IMODE(login_path(kept).stat().st_mode) == 0o600
    forget(kept)
    assert current_login(kept) is None


def test_many_commands_at_once_carry_the_session_on_together(kept):
    """One of them refreshes, the others take what it got; nobody is thrown out."""
    before = over_soon(kept)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: current_login(kept), range(6)))

    assert len({item.access_token for item in found}) == 1
    assert found[0].refresh_token != before.refresh_token
    with HubClient(found[0].hub, found[0].access_token) as client:
        assert client.whoami().name == "grete"


def test_a_session_that_is_over_says_what_to_do(gateway, kept):
    """The user who signed out elsewhere is told how to go on."""
    found = over_soon(kept)
    with HubClient(gateway.url, found.access_token) as client:
        client.logout()

    with pytest.raises(Unauthenticated, match="session of grete") as caught:
        current_login(kept)
    assert "soma login grete" in caught.value.mend


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"hub": 1}'])
def test_a_broken_file_is_told(tmp_path, text):
    """What is no session is not taken for one, nor for none."""
    settings = load_settings(data_dir=tmp_path)
    login_path(settings).write_text(text)
    login_path(settings).chmod(0o600)

    with pytest.raises(BadInput, match="cannot be read"):
        current_login(settings)


def test_a_file_that_others_can_read_is_refused(kept):
    """Its tokens may be known to others; the answer says how to mend it."""
    login_path(kept).chmod(0o644)

    with pytest.raises(BadInput, match="0644"):
        current_login(kept)

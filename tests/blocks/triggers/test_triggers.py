"""The pure parts of triggers: templates, filters, signatures."""

import json

import pytest

from blocks.errors import BadInput, Unauthenticated
from blocks.keys import SigningKey
from blocks.triggers.filters import fulfils, is_source
from blocks.triggers.signatures import secret_of, sign, verify
from blocks.triggers.templates import check_template, fill

EVENT = {"body": {"list": [{"name": "a"}], "none": None, "$event": "body.list"}, "state": "failed"}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ({"$event": "body.list.0.name"}, "a"),
        ({"$event": "body.none"}, None),
        ({"$event": "body.absent", "default": 5}, 5),
        ([{"$event": "state"}, {"deep": {"$event": "state"}}], ["failed", {"deep": "failed"}]),
        ({"$event": "body"}, EVENT["body"]),  # what the event holds is data, never a reference
        ("plain", "plain"),
    ],
)
def test_a_template_takes_its_values_out_of_the_event(template, filled):
    """Paths lead through objects and lists; a default stands in for what is not there."""
    assert fill({"x": template}, EVENT).inputs == {"x": filled}


def test_only_what_speaks_of_the_event_is_from_outside():
    """A default given in the trigger counts as outside too: it stands where the event's word would."""
    found = fill({"own": 1, "theirs": [{"$event": "state"}], "maybe": {"$event": "no", "default": 1}}, EVENT)

    assert found.outside == ["theirs", "maybe"]


@pytest.mark.parametrize("path", ["body.absent", "body.list.1", "body.list.x", "state.deeper"])
def test_a_part_that_the_event_lacks_is_named(path):
    """The reason names the input and the path."""
    with pytest.raises(BadInput, match=f"inputs.x: the event has no '{path}'"):
        fill({"x": {"$event": path}}, EVENT)


@pytest.mark.parametrize("reference", [{"$event": 5}, {"$event": "a..b"}, {"$event": "a", "or": 1}])
def test_a_reference_that_nothing_could_fill_is_found_at_once(reference):
    """It is an error of the trigger, not of each event."""
    with pytest.raises(BadInput, match=r"^inputs\.x: "):
        check_template({"x": [reference]})


def test_sources_and_conditions_choose_events():
    """Plain fields are patterns; a condition that has no answer for an event is an error, not a no."""
    event = {"state": "failed", "blueprint": "shop-audit", "scope": "repository:x", "labels": ["go", "x"]}

    assert is_source("project", {"states": ["failed"], "blueprint": "*-audit"}, event)
    assert not is_source("project", {}, event)
    assert is_source("memory", {"scope": "repository:*", "labels": ["go"]}, event)
    assert not is_source("memory", {"labels": ["other"]}, event)
    assert fulfils("event.state == 'failed' && 'go' in event.labels", event)
    with pytest.raises(BadInput, match="cannot be answered"):
        fulfils("event.branch == 'main'", event)


def test_a_secret_is_the_triggers_own_and_new_with_each_salt(tmp_path):
    """It can be made again from key and salt, and from nothing less."""
    key = SigningKey.ensure(tmp_path)
    other = SigningKey.ensure(tmp_path / "other")
    secrets = [
        secret_of(*given) for given in ((key, "a", "1"), (key, "b", "1"), (key, "a", "2"), (other, "a", "1"))
    ]

    assert len(set(secrets)) == 4
    assert secret_of(SigningKey.load(tmp_path / "hub.key"), "a", "1") == secrets[0]


def test_signatures_are_those_of_standard_webhooks():
    """The example of that specification's reference libraries verifies, and only as it was signed."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = json.dumps({"test": 2432232314}, separators=(",", ": ")).encode()
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    assert sign(secret, headers["webhook-id"], 1614265330, body) == headers["webhook-signature"]
    assert verify(secret, headers, body, at=1614265330) == headers["webhook-id"]
    for name in headers:
        with pytest.raises(Unauthenticated):
            verify(secret, {**headers, name: ""}, body, at=1614265330)

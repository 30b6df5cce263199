"""Triggers over HTTP: what is wrong with one is told when it is made."""

import pytest

from blocks.errors import BadInput, Conflict, NotFound

GOOD = {"blueprint": "repository-audit", "inputs": {"repository": "https://example.org/a.git"}}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "exactly one of"),
        ({"webhook": {}, "bus": {"topic": "a"}}, "exactly one of"),
        ({"bus": {"topic": "a"}, "name": "No Name"}, "no name for a trigger"),
        ({"bus": {"topic": "a"}, "blueprint": "unheard-of"}, "no blueprint"),
        ({"bus": {"topic": "a"}, "inputs": {}}, "inputs.repository: is missing"),
        ({"bus": {"topic": "a"}, "inputs": {"repository": {"$event": "a..b"}}}, "dotted path"),
        ({"bus": {"topic": "a"}, "condition": "evnt.x == 1"}, "condition: "),
        ({"bus": {"topic": "a"}, "condition": "event.x +"}, "condition: "),
        ({"schedule": {}}, "either `cron` or `interval`"),
        ({"schedule": {"cron": "0 3 * * *", "interval": 60}}, "either `cron` or `interval`"),
        ({"project": {"states": ["begun"]}}, "states"),
        ({"bus": {"topic": "a"}, "catch_up": "some"}, "catch_up"),
    ],
)
def test_a_trigger_that_could_not_work_is_not_made(gateway, changes, told):
    """The answer names the place and what is wrong there."""
    with gateway.client() as client, pytest.raises((BadInput, NotFound)) as caught:
        client.add_trigger({"name": "wrong", **GOOD, **changes})

    assert told in caught.value.message


def test_a_trigger_is_found_by_name_and_id_and_its_name_is_taken_once(gateway):
    """What was made is listed, shown, tried and removed; a made-up event says what became of it."""
    with gateway.client() as client:
        made = client.add_trigger({"name": "known", **GOOD, "project": {"blueprint": "*-audit"}})
        with pytest.raises(Conflict, match="known"):
            client.add_trigger({"name": "known", **GOOD, "bus": {"topic": "a"}})
        tried = client.try_trigger("known", {"state": "completed"})
        shown = client.trigger(made.id)
        names = [trigger.name for trigger in client.triggers()]
        client.remove_trigger("known")
        with pytest.raises(NotFound):
            client.trigger("known")

    assert (tried.state, shown.deliveries[0].id) == ("received", tried.id)
    assert shown.source == {"states": ["completed"], "blueprint": "*-audit"}
    assert "known" in names
    assert (made.secret, made.path) == (None, None)


def test_a_schedule_that_prefect_cannot_take_now_is_kept_for_later(gateway):
    """With Prefect away the trigger is there without a deployment; the gateway makes that when it can."""
    with gateway.client() as client:
        made = client.add_trigger({"name": "clock", **GOOD, "schedule": {"interval": 3600}})
        client.remove_trigger("clock")

    assert (made.kind, made.deployment, made.source["interval"]) == ("schedule", None, 3600)


def test_who_may_only_look_makes_no_triggers(gateway):
    """A viewer sees the triggers; making one takes an operator."""
    with gateway.client() as client:
        viewer = client.create_token("vera", ["viewer"]).secret
    with gateway.http(Authorization=f"Bearer {viewer}") as http:
        made = http.post("/v1/triggers", json={"name": "mine", **GOOD, "bus": {"topic": "a"}})
        listed = http.get("/v1/triggers")

    assert (made.status_code, listed.status_code) == (403, 200)

"""Webhooks: only who knows the secret and signs now is heard, once."""

import json
import time

import pytest

from blocks.triggers.signatures import TOLERANCE, sign

INPUTS = {"repository": {"$event": "body.repository"}}


@pytest.fixture(scope="module")
def hook(gateway):
    """A webhook that starts audits."""
    with gateway.client() as client:
        return client.add_trigger(
            {
                "name": "hook",
                "blueprint": "repository-audit",
                "inputs": INPUTS,
                "webhook": {},
                "condition": "event.body.branch == 'main'",
            }
        )


def send(gateway, hook, event="evt", body=None, *, secret=None, at=None, headers=None, path=None):
    """An event as an honest sender sends it, but for what is given."""
    text = json.dumps(
        body if body is not None else {"repository": "https://example.org/a.git", "branch": "main"}
    )
    raw, stamp = text.encode(), int(time.time() if at is None else at)
    signed = {
        "content-type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(secret or hook.secret, event, stamp, raw),
        **(headers or {}),
    }
    with gateway.http(**signed) as http:
        return http.post(path or hook.path, content=raw)


def test_a_signed_event_is_taken_in_and_named_by_the_project_that_it_will_start(gateway, hook):
    """202 with the delivery and the id of the project; `soma triggers show` tells of it."""
    answer = send(gateway, hook, "good-1")
    with gateway.client() as client:
        seen = next(item for item in client.trigger("hook").deliveries if item.event == "webhook:good-1")

    assert (answer.status_code, answer.json()["state"]) == (202, "received")
    assert answer.json()["project"].startswith("prj_")
    assert answer.json()["delivery"] == seen.id
    assert seen.inputs == {"repository": "https://example.org/a.git"}


def test_the_same_event_again_is_refused(gateway, hook):
    """A replay, even with another body, is told what became of the first and starts nothing."""
    first = send(gateway, hook, "twice")
    again = send(gateway, hook, "twice", {"repository": "https://example.org/b.git", "branch": "main"})

    assert (first.status_code, again.status_code) == (202, 409)
    assert again.json()["type"] == "urn:soma:problem:already-delivered"
    assert again.json()["project"] == first.json()["project"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, "another secret"),
        ({"headers": {"webhook-id": "another"}}, "another id than was signed"),
        ({"headers": {"webhook-timestamp": "1"}}, "another time than was signed"),
        ({"headers": {"webhook-signature": "v1,"}}, "no signature"),
        ({"headers": {"webhook-signature": "v1,Ä".encode()}}, "a signature that is no text"),
        ({"headers": {"webhook-timestamp": "²"}.copy()}, "digits that are none"),
        ({"path": "/v1/hooks/trg_0123456789abcdef0123"}, "a trigger that does not exist"),
        ({"path": "/v1/hooks/hook"}, "its name"),
        ({"path": "/v1/hooks/" + "x" * 5000}, "a long path"),
    ],
)
def test_all_that_is_not_signed_with_the_secret_is_answered_alike(gateway, hook, changes, why):
    """Nobody learns from the answer whether there is such a trigger."""
    if "²" in str(changes):
        changes = {"headers": {"webhook-timestamp": "²".encode()}}
    answer = send(gateway, hook, "bad", **changes)
    told = {name: answer.json()[name] for name in ("type", "title", "status", "detail")}

    assert told == {
        "type": "urn:soma:problem:signature-wrong",
        "title": "Signature wrong",
        "status": 401,
        "detail": "no webhook of this address has such a signature",
    }, why


@pytest.mark.parametrize("off", [-TOLERANCE - 5, TOLERANCE + 5])
def test_a_signature_is_good_for_five_minutes(gateway, hook, off):
    """An event that was recorded and is sent again later, or is signed ahead, is refused."""
    answer = send(gateway, hook, "late", at=time.time() + off)

    assert answer.status_code == 401
    assert "300 are the most" in answer.json()["detail"]


def test_what_is_no_json_event_is_refused_readably(gateway, hook):
    """Too much, of another type, or broken: each with its status, nothing kept."""
    large = send(gateway, hook, "large", {"text": "x" * 2**20})
    other = send(gateway, hook, "type", headers={"content-type": "text/plain"})
    unkeepable = send(gateway, hook, "nul", {"repository": "a\0b", "branch": "main"})
    stamp, raw = int(time.time()), b"{nothing"
    headers = {
        "content-type": "application/json; charset=utf-8",
        "webhook-id": "broken",
        "webhook-timestamp": str(stamp),
        "webhook-signature": "v1,other " + sign(hook.secret, "broken", stamp, raw),
    }
    with gateway.http(**headers) as http:
        broken = http.post(hook.path, content=raw)
    statuses = [answer.status_code for answer in (large, other, unkeepable, broken)]

    assert statuses == [413, 415, 400, 400]
    assert {answer.headers["content-type"] for answer in (large, other, unkeepable, broken)} == {
        "application/problem+json"
    }


def test_an_event_with_wrong_answers_is_refused_with_the_reason(gateway, hook):
    """The sender is told, and so is whoever looks at the trigger."""
    answer = send(gateway, hook, "wrong", {"repository": 5, "branch": "main"})
    missing = send(gateway, hook, "missing", {"branch": "main"})
    unmet = send(gateway, hook, "unmet", {"branch": "other"})
    with gateway.client() as client:
        seen = {item.event: item for item in client.trigger("hook").deliveries}

    assert (answer.status_code, missing.status_code) == (422, 422)
    assert "inputs.repository: must be a text" in answer.json()["detail"]
    assert seen["webhook:missing"].state == "refused"
    assert seen["webhook:missing"].reason == "inputs.repository: the event has no 'body.repository'"
    assert (unmet.status_code, unmet.json()["state"], unmet.json()["project"]) == (202, "ignored", None)


def test_a_paused_webhook_takes_nothing_in_and_a_renewed_secret_ends_the_old_one(gateway):
    """While it is paused the sender is told to come again; the secret is shown when it is made."""
    with gateway.client() as client:
        made = client.add_trigger(
            {"name": "other", "blueprint": "repository-audit", "inputs": INPUTS, "webhook": {}}
        )
        client.pause_trigger("other")
        paused = send(gateway, made, "evt-1")
        client.resume_trigger("other")
        resumed = send(gateway, made, "evt-1")
        renewed = client.renew_secret("other")
        old, new = send(gateway, made, "evt-2"), send(gateway, renewed, "evt-2")
        shown = client.trigger("other").model_dump_json() + str(client._get("/v1/triggers"))
        client.remove_trigger("other")
        gone = send(gateway, renewed, "evt-3")

    assert [answer.status_code for answer in (paused, resumed, old, new, gone)] == [409, 202, 401, 202, 401]
    assert made.secret not in shown
    assert "salt" not in shown

"""Certificates: what holds is ok, what was changed fails, and what cannot be shown is left open."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.audit.canonical import canonical
from blocks.audit.certificate import certificate, check_certificate, placed
from blocks.audit.chain import START, digest_of, linked
from blocks.audit.decided import Decided
from blocks.audit.entries import entry
from blocks.audit.heads import signed_head
from blocks.audit.steps import Step
from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action
from blocks.constitution.history import History
from blocks.constitution.parsed import parsed
from blocks.constitution.signing import sign
from blocks.context import RunContext
from blocks.errors import BadInput
from blocks.identity import Principal
from blocks.keys import SigningKey

RULES = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: test, version: "1.0.0"}
default: allow
articles:
  - {id: A-1, title: Keep, stages: [tool.call], actions: ["files.delete"], verdict: deny, reason: never}
  - id: A-2
    title: No secrets in mails
    stages: [tool.call]
    actions: ["mail.*"]
    when: has_secret(task.arguments)
    verdict: deny
    reason: it has a secret
  - id: A-3
    title: Only to us
    stages: [tool.call]
    actions: ["mail.*"]
    when: task.arguments.to != "us" && history.count("tool.call", "mail.*") < 5
    verdict: approve
    reason: "{task.arguments.to} is not us"
"""
SECRET = "ghp_" + "R7tq2Lm9" * 4 + "xZ41"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.ensure(tmp_path_factory.mktemp("keys"))


def rules() -> Constitution:
    return parsed(RULES)


def recorded(name: str, arguments: dict[str, Any], labels: Any = None, **extra: Any) -> dict[str, Any]:
    """The record of a decision of these rules."""
    context = RunContext(
        tenant="acme",
        principal=Principal(tenant="acme", name="ada"),
        constitution=None,  # type: ignore[arg-type]  # not asked here
        audit=None,  # type: ignore[arg-type]  # as above
        project="prj_1",
    )
    facts = {"task": {"name": name, "arguments": arguments}, "history": History()}
    if labels:
        facts["data"] = {"labels": [], "arguments": labels, "seen": []}
    action = Action(stage="tool.call", name=name, facts=facts)
    return Decided(rules().decide(action), context, arguments, action, extra).record()


def proven(key: SigningKey, record: dict[str, Any], *related: dict[str, Any], **rule: Any) -> dict[str, Any]:
    """The certificate of the record, in a chain with others before and behind."""
    others = [entry("memory", "acme", count=number) for number in range(4)]
    records = [others[0], record, others[1], *related, others[2], others[3]]
    links = list(linked("acme", 0, START, map(canonical, records)))
    head = signed_head(
        key, tenant="acme", sequence=len(links), hash=links[-1].hash, after=0, at=datetime.now(UTC)
    )

    def place(body: dict[str, Any]) -> dict[str, Any]:
        at = records.index(body)
        following = [digest_of(link.record) for link in links[at + 1 :]]
        return placed(body, sequence=at + 1, previous=links[at].previous, following=following, head=head)

    signature = sign(rules(), key)
    said = {"name": "test", "version": "1.0.0", "text": RULES, "signature": signature.signature}
    said |= {"key": signature.key, "digest": signature.digest}
    return certificate(
        tenant="acme",
        decision=place(record),
        related=[place(other) for other in related],
        constitution=rule or said,
    )


def checked(document: dict[str, Any], key: SigningKey) -> dict[str, Step]:
    return {step.name: step for step in check_certificate(document, {key.id: key.public})}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("files.read", {"path": "x"}),
        ("files.delete", {"path": "x"}),
        ("mail.send", {"to": "us", "text": "hello"}),
        ("mail.send", {"to": "them", "text": "hello"}),
        ("mail.send", {"to": "us", "text": f"use {SECRET}"}),
        ("mail.send", {"to": "us", "text": "x" * 5000}),
    ],
)
def test_a_decision_is_derived_again(key, name, arguments):
    """Also where a detector's or history's answer is all that was recorded of what it looked at."""
    record = recorded(name, arguments)
    steps = checked(proven(key, record), key)

    assert {step.state for step in steps.values()} == {"ok"}, steps
    assert steps["verdict"].said.startswith(record["verdict"])
    assert SECRET not in canonical(record)


def test_what_was_withheld_leaves_its_article_open(key):
    """The article that reads a withheld value is named; nothing is pretended."""
    record = recorded("mail.send", {"to": "them", "text": "hello"}, labels={"to": ["personal"]})
    step = checked(proven(key, record), key)["verdict"]

    assert step.state == "open"
    assert "A-3" in step.said
    assert "them" not in canonical(record["facts"])


def test_a_decision_with_its_outcome_and_answers(key):
    """Records that belong to the decision have their own places, and others are refused."""
    record = recorded("mail.send", {"to": "them"}, approval={"digest": "d1", "by": ["bob"]})
    outcome = entry("outcome", "acme", decision=record["id"], outcome="completed", seconds=0.2)
    voted = entry("approval", "acme", event="voted", approval="apr_1", by="bob", digest="d1")
    answer = entry("approval", "acme", event="approved", approval="apr_1", by="bob", digest="d1")

    steps = checked(proven(key, record, outcome, voted, answer), key)
    assert {step.state for step in steps.values()} == {"ok"}, steps
    assert steps["approval"].said == "approved by bob"
    assert checked(proven(key, record, outcome), key)["approval"].state == "open"
    other = entry("outcome", "acme", decision="dec_other", outcome="completed", seconds=0.2)
    assert checked(proven(key, record, other), key)["outcome: what"].state == "failed"


def test_rules_that_nobody_signed_or_kept_are_said_to_be_so(key):
    """A constitution file has no signature; without its text nothing is derived."""
    record = recorded("files.delete", {"path": "x"})
    said = {"unsigned": "a file was in force", "digest": rules().digest}
    with_text = checked(proven(key, record, **said, text=RULES), key)
    without = checked(proven(key, record, **said), key)

    assert with_text["constitution: signature"].state == "open"
    assert with_text["verdict"].state == "ok"
    assert {without[name].state for name in ("constitution", "verdict")} == {"open"}


def test_another_key_another_text_and_another_verdict_fail(key, tmp_path):
    """Each step stands on its own."""
    document = proven(key, recorded("files.delete", {"path": "x"}))
    stranger = SigningKey.ensure(tmp_path)
    softer = copy.deepcopy(document)
    softer["constitution"]["text"] = RULES.replace("verdict: deny", "verdict: warn")
    lied = recorded("files.delete", {"path": "x"}) | {"verdict": "allow"}

    assert checked(document, stranger)["decision: head 5"].state == "failed"
    assert checked(softer, key)["constitution: digest"].state == "failed"
    assert checked(softer, key)["constitution: signature"].state == "failed"
    assert checked(proven(key, lied), key)["verdict"].state == "failed"


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_change_of_a_certificate_is_found(key, data):
    """Whatever leaf is changed or member left out, a step fails."""
    document = proven(key, recorded("mail.send", {"to": "them", "deep": [{"a": [1, 2.5, None]}]}))
    path = data.draw(st.sampled_from([path for path in paths(document) if path]))
    other = copy.deepcopy(document)
    holder = other
    for step in path[:-1]:
        holder = holder[step]
    if data.draw(st.booleans()):
        del holder[path[-1]]
    else:
        before = holder[path[-1]]
        holder[path[-1]] = data.draw(
            (st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=5)).filter(
                lambda value: (type(value), value) != (type(before), before)
            )
        )
    if canonical(other) == canonical(document):
        return
    try:
        states = {step.state for step in check_certificate(other, {key.id: key.public})}
    except BadInput:
        return
    assert "failed" in states, path


def test_true_is_no_version(key):
    """What Python takes for equal to 1 is still another certificate."""
    document = proven(key, recorded("mail.send", {}))

    with pytest.raises(BadInput, match="another version"):
        check_certificate({**document, "version": True}, {key.id: key.public})


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [path, *(found for key, inner in pairs for found in paths(inner, (*path, key)))]
    return [path]

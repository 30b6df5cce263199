"""The audit log over HTTP: signed, exported, verified with the public key, and proven piece by piece."""

import asyncio
import copy
import json

import pytest
from sqlalchemy import text

from blocks.audit.certificate import check_certificate
from blocks.audit.entries import entry
from blocks.audit.verification import verify
from blocks.context import RunContext
from blocks.errors import BadInput, NotFound
from blocks.identity import Principal
from blocks.keys import trusted_keys
from blocks.records.audit import store_records
from capsules.environment import audit_log, constitution_in_force


def keys(gateway):
    return trusted_keys(gateway.settings.keys_path)


def export(gateway, **query):
    with gateway.client().audit_export(**query) as lines:
        return list(lines)


def note(gateway, *events):
    records = [entry("memory", "default", event=event) for event in events]
    gateway.records(lambda database: store_records(database, records))
    return [record["id"] for record in records]


def decided(gateway, name="survey", arguments=None, **extra):
    """A decision of the constitution in force, recorded as the guard does it."""
    context = RunContext(
        tenant="default",
        principal=Principal(tenant="default", name="ada", kind="user"),
        constitution=constitution_in_force(gateway.settings),
        audit=audit_log(gateway.settings),
    )
    given = arguments or {"path": "/somewhere"}
    try:
        action = context.action("tool.call", name, {"tool": {"name": name, "arguments": given}}, given)
        decision = context.constitution.current().decide(action)
        context.audit.record(decision, context, given, action, **extra)
        asyncio.run(context.audit.close())
    finally:
        context.constitution.close()
    return decision


def steps(document, gateway):
    return {step.name: step.state for step in check_certificate(document, keys(gateway))}


def test_an_export_is_sound_and_signed_to_its_end(gateway):
    """Whatever was recorded before the call is in it, and the last line is a head."""
    made = note(gateway, "one", "two")
    lines = export(gateway, columns=True)
    seen = verify(lines, keys(gateway))

    assert seen.findings == []
    assert made[1] in lines[-2]
    assert seen.newest.sequence == seen.last


def test_a_part_of_the_log_is_sound_too(gateway):
    """An export may begin behind a place; it still ends at a head."""
    note(gateway, "one", "two", "three")
    last = gateway.client().audit_head().sequence
    seen = verify(export(gateway, after=last - 2), keys(gateway))

    assert seen.findings == []
    assert (seen.first, seen.last) == (last - 1, last)


def test_records_are_listed_by_kind_and_verdict_and_paged_from_the_newest(gateway):
    """The newest come first when pages go back."""
    made = decided(gateway)
    note(gateway, "afterwards")
    client = gateway.client()

    newest = client.audit_records(before=2**62, limit=1)
    assert newest[0]["record"]["event"] == "afterwards"
    found = client.audit_records(kind="decision", before=2**62, limit=1)
    assert found[0]["record"]["id"] == made.id
    other = "deny" if made.verdict != "deny" else "allow"
    assert made.id not in str(client.audit_records(verdict=other, limit=1000))
    with pytest.raises(BadInput):
        client.audit_records(kind="nothing")


def test_the_capsules_of_the_catalogue_are_in_the_log(gateway):
    """Each was recorded once, with the digest of its files."""
    found = gateway.client().audit_records(kind="capsule", limit=1000)
    names = [item["record"]["name"] for item in found]

    assert "survey" in names
    assert len(names) == len(set(names))
    assert all(item["record"]["digest"] for item in found)


def test_a_decision_is_proven_to_outsiders(gateway):
    """Place, head, constitution and verdict hold without the hub."""
    made = decided(gateway)
    document = gateway.client().certificate(made.id)

    states = steps(document, gateway)
    assert set(states.values()) == {"ok"}, check_certificate(document, keys(gateway))
    assert states["verdict"] == "ok"
    with pytest.raises(NotFound):
        gateway.client().certificate("dec_nothing")


def leaves(value, path=()):
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def changed(document, path, value):
    other = copy.deepcopy(document)
    holder = other
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return other


def test_whatever_is_changed_in_a_certificate_is_found(gateway):
    """Every leaf of the document is covered by a step that fails when it says something else."""
    made = decided(gateway)
    document = gateway.client().certificate(made.id)
    for path, value in leaves(document):
        other = value + 1 if isinstance(value, int) and not isinstance(value, bool) else f"{value}x"
        try:
            found = steps(changed(document, path, other), gateway)
        except BadInput:
            continue
        assert "failed" in found.values(), path


def test_what_was_withheld_is_said_and_not_guessed(gateway):
    """A verdict that needs a withheld value is left open, with the article's name, unless it was answered."""
    made = decided(gateway, "git.clone", {"repository": "x" * 3000})
    document = gateway.client().certificate(made.id)
    found = {step.name: step for step in check_certificate(document, keys(gateway))}

    assert found["verdict"].state in {"ok", "open"}
    assert "failed" not in {step.state for step in found.values()}
    assert "x" * 100 not in json.dumps(document["decision"]["record"]["facts"])


def test_a_tampered_database_is_found_online(gateway):
    """Records, columns and heads that somebody changed behind the hub's back are located."""
    made = note(gateway, "to be changed")
    gateway.client().audit_head()

    async def change(database, column, value):
        async with database.session() as session:
            await session.exec(
                text(f"UPDATE audit_records SET {column} = :value WHERE id = :id"),  # two names
                params={"value": value, "id": made[0]},
            )

    gateway.records(lambda database: change(database, "kind", "token"))
    found = verify(export(gateway, columns=True), keys(gateway)).findings
    gateway.records(lambda database: change(database, "kind", "memory"))

    assert [(finding.kind, finding.id) for finding in found] == [("column", made[0])]
    assert verify(export(gateway, columns=True), keys(gateway)).sound

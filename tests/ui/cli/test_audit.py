"""`soma audit`: with the hub, and on files without it."""

import json

import pytest

from blocks.audit.entries import entry
from blocks.records.audit import list_records, store_records
from blocks.records.audit_tables import AuditRecord


@pytest.fixture
def noted(gateway):
    """The id of a record that was just made."""
    record = entry("memory", "default", event="purged", scope="project", count=3, by="ada")
    gateway.records(lambda database: store_records(database, [record]))
    return record["id"]


@pytest.fixture
def key(gateway):
    return str(gateway.settings.keys_path / "hub.pub")


@pytest.fixture
def launched(gateway, soma):
    """The id of a decision on a launch."""
    project = gateway.project()
    soma("launch", project.id)
    gateway.http().post(f"/v1/projects/{project.id}/launch")
    rows = gateway.records(lambda database: list_records(database, tenant="default", project=project.id))
    if not rows:  # the constitution was asked, and the answer waits for company
        gateway.client().audit_records()
        rows = gateway.records(lambda database: list_records(database, tenant="default", project=project.id))
    return rows[-1].id


def test_the_log_is_listed_with_the_newest_first(soma, noted):
    """Kinds and verdicts narrow it; JSON is for programs."""
    assert noted in soma("audit", "list").out.splitlines()[0]
    assert noted not in soma("audit", "list", "--kind", "decision", "--verdict", "deny").out
    found = json.loads(soma("audit", "list", "--kind", "memory", "--limit", "1", "--json").out)
    assert found[0]["record"]["id"] == noted
    assert soma("audit", "list", "--kind", "nothing").code == 2


def test_the_log_is_verified_online_and_offline(soma, noted, key, tmp_path):
    """An export and a public key are enough; a change of one letter ends with exit code 1."""
    online = soma("audit", "verify")
    assert (online.code, online.out.startswith("sound: ")) == (0, True)

    file, anchor = tmp_path / "log.ndjson", tmp_path / "head.json"
    assert soma("audit", "export", "--out", str(file)).code == 0
    anchor.write_text(soma("audit", "head").out)
    assert soma("audit", "verify", str(file), "--key", key, "--head", str(anchor)).code == 0

    file.write_text(file.read_text().replace('"scope":"project"', '"scope":"projekt"'))
    found = soma("audit", "verify", str(file), "--key", key)
    assert found.code == 1
    assert f"({noted})" in found.out
    assert "edited at" in found.out
    told = json.loads(soma("audit", "verify", str(file), "--key", key, "--json").out)
    assert told["findings"][-1]["id"] == noted


def test_what_is_no_export_or_no_key_is_bad_input(soma, key, tmp_path):
    """One line and exit code 2."""
    (tmp_path / "no").write_text("no")

    for arguments in (
        ("verify", str(tmp_path / "missing"), "--key", key),
        ("verify", str(tmp_path / "no"), "--key", key),
        ("verify", str(tmp_path / "no")),
        ("verify", str(tmp_path / "no"), "--key", str(tmp_path / "no")),
        ("verify", "--head", str(tmp_path / "no")),
        ("check", str(tmp_path / "no"), "--key", key),
        ("check", key),
        ("export", "--since", "yesterday"),
        ("prove", "dec_nothing"),
    ):
        said = soma("audit", *arguments)
        assert (said.code, len(said.err.splitlines())) == (2, 1), (arguments, said)


def test_a_changed_column_is_found_online(soma, gateway, noted):
    """What the database's columns say is compared with the records."""

    async def change(database, kind):
        async with database.session() as session:
            row = (await list_records(database, tenant="default", kind=None, limit=10**6))[-1]
            kept = await session.get_one(AuditRecord, (row.tenant, row.sequence))
            kept.kind = kind
            session.add(kept)

    gateway.records(lambda database: change(database, "token"))
    found = soma("audit", "verify")
    gateway.records(lambda database: change(database, "memory"))

    assert found.code == 1
    assert "column" in found.out
    assert soma("audit", "verify").code == 0


def test_a_decision_is_proven_and_checked_without_the_hub(soma, launched, key, tmp_path):
    """The certificate says which steps hold; a changed one ends with exit code 1."""
    file = tmp_path / "certificate.json"
    assert soma("audit", "prove", launched, "--out", str(file)).code == 0

    checked = soma("audit", "check", str(file), "--key", key)
    assert checked.code == 0, checked
    assert "derived again" in checked.out
    assert "failed" not in checked.out
    document = json.loads(file.read_text())
    document["decision"]["record"]["principal"]["name"] = "somebody else"
    file.write_text(json.dumps(document))
    assert soma("audit", "check", str(file), "--key", key).code == 1

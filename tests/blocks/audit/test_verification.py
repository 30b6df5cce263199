"""Every tampering with an exported log is found, and located, with the public key alone."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.audit.canonical import canonical
from blocks.audit.chain import START, digest_of, link_hash, linked
from blocks.audit.entries import entry
from blocks.audit.export import Opening, head_line, link_line, read_line
from blocks.audit.heads import Head, signed_head
from blocks.audit.verification import Verified, verify
from blocks.errors import BadInput
from blocks.keys import SigningKey

HEADS = (5, 9, 12)
"""The places of the chain at which the exported log is signed."""


def key_at(folder: Path) -> SigningKey:
    folder.mkdir(parents=True, exist_ok=True)
    return SigningKey.ensure(folder)


def exported(key: SigningKey, tenant: str = "acme", heads: tuple[int, ...] = HEADS) -> list[str]:
    """An export of twelve records, with texts of all sorts."""
    records = [
        entry(
            "memory",
            tenant,
            event="purged",
            scope=f"scope-{n}",
            count=n,
            by="ünï\0code \U0001f9e0",
            ratio=n / 7,
        )
        for n in range(1, 13)
    ]
    lines = [Opening(tenant=tenant, first=1, last=12, keys=(key.id,)).line()]
    after = 0
    for link in linked(tenant, 0, START, map(canonical, records)):
        lines.append(
            link_line(sequence=link.sequence, previous=link.previous, hash=link.hash, record=link.record)
        )
        if link.sequence in heads:
            at = datetime(2026, 1, 1, tzinfo=UTC)
            head = signed_head(key, tenant=tenant, sequence=link.sequence, hash=link.hash, after=after, at=at)
            lines.append(head_line(head))
            after = link.sequence
    return lines


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return key_at(tmp_path_factory.mktemp("keys") / "hub")


@pytest.fixture(scope="module")
def log(key: SigningKey) -> list[str]:
    return exported(key)


def checked(lines: list[str] | list[bytes], key: SigningKey, anchors: tuple[Head, ...] = ()) -> Verified:
    return verify(lines, {key.id: key.public}, anchors)


def kinds(lines: list[str], key: SigningKey) -> list[tuple[str, int]]:
    return [(finding.kind, finding.sequence) for finding in checked(lines, key).findings]


def place_of(lines: list[str], sequence: int) -> int:
    """The index of the line of this record."""
    return next(at for at, line in enumerate(lines) if line.endswith(f'"sequence":{sequence}}}\n'))


def forged(lines: list[str], sequence: int, **changes: Any) -> list[str]:
    """The export with a record changed and all hashes behind it computed anew, as one without the key can."""
    made, end, tenant = [lines[0]], START, json.loads(lines[0])["tenant"]
    for line in lines[1:]:
        said = json.loads(line)
        if "record" in said:
            if said["sequence"] == sequence:
                said["record"] |= changes
            text = canonical(said["record"])
            digest = link_hash(tenant, said["sequence"], digest_of(text), end)
            made.append(link_line(sequence=said["sequence"], previous=end, hash=digest, record=text))
            end = digest
        else:
            made.append(line)
    return made


def test_an_untouched_log_is_sound(log, key):
    """All records and heads are seen, and the newest head is named."""
    seen = checked(log, key)

    assert seen.findings == []
    assert (seen.records, seen.heads, seen.newest.sequence) == (12, 3, 12)


def test_another_spelling_of_the_same_content_passes(log, key):
    """Blank lines, other line ends and other JSON of the same values change nothing that is said."""
    relaid = [json.dumps(json.loads(line), indent=None) + "\r\n\n" for line in log]

    assert checked("".join(relaid).splitlines(keepends=True), key).sound


@pytest.mark.parametrize("field", ["id", "kind", "tenant", "at", "event", "scope", "count", "by", "ratio"])
def test_an_edit_of_any_field_is_found_where_it_is(log, key, field):
    """No field of a record is outside of its hash."""
    lines = list(log)
    at = place_of(lines, 7)
    said = json.loads(lines[at])
    said["record"][field] = 99 if field in {"count", "ratio"} else "other"
    lines[at] = json.dumps(said) + "\n"

    assert ("edited", 7) in kinds(lines, key)


def test_an_edit_with_all_hashes_computed_anew_is_found_between_two_heads(log, key):
    """Without the key nobody can sign the new hashes: each head from the next one on says so."""
    assert kinds(forged(log, 7, count=99), key) == [("head", 9), ("head", 12)]


def test_a_deletion_is_found(log, key):
    """A missing record leaves a gap that is named."""
    lines = list(log)
    del lines[place_of(lines, 7)]

    assert kinds(lines, key) == [("missing", 7)]


def test_an_insertion_is_found(log, key):
    """A record that somebody adds repeats a place, or is not the one that the next names."""
    lines = list(log)
    at = place_of(lines, 7)
    said = json.loads(lines[at])
    text = canonical(entry("memory", "acme", event="purged"))
    digest = link_hash("acme", 7, digest_of(text), said["previous"])
    lines.insert(at, link_line(sequence=7, previous=said["previous"], hash=digest, record=text))

    assert ("repeated", 7) in kinds(lines, key)


def test_a_swap_is_found(log, key):
    """Two records in the other order are named."""
    lines = list(log)
    at = place_of(lines, 7)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]

    assert kinds(lines, key) == [("missing", 7), ("reordered", 7)]


def test_a_cut_tail_is_found(log, key):
    """The export says how far it goes, and its end must be signed."""
    assert ("truncated", 10) in kinds(log[: place_of(log, 10) + 1], key)
    assert ("unsigned", 10) in kinds(log[: place_of(log, 10) + 1], key)


def test_a_log_cut_at_a_head_is_found_with_an_anchor(log, key):
    """Only a later head that was kept elsewhere shows that the end was cut off at a head."""
    anchor = Head.from_json(json.loads(log[-1]))
    opening = Opening(tenant="acme", first=1, last=9, keys=(key.id,)).line()
    cut = [opening, *log[1 : place_of(log, 9) + 2]]

    assert checked(cut, key).sound
    assert [finding.kind for finding in checked(cut, key, (anchor,)).findings] == ["truncated"]


def test_a_head_with_a_bad_signature_or_of_another_key_is_found(log, key, tmp_path):
    """A head counts only when a key that was given signed exactly what it says."""
    at = place_of(log, 9) + 1
    other = exported(key_at(tmp_path / "other"))
    head = json.loads(log[at])
    head["head"]["signed_at"] = "2027-01-01T00:00:00+00:00"

    assert ("signature", 9) in kinds([*log[:at], json.dumps(head), *log[at + 1 :]], key)
    assert ("key", 9) in kinds([*log[:at], other[at], *log[at + 1 :]], key)


def test_chains_of_two_tenants_and_of_two_hubs_do_not_mix(log, key, tmp_path):
    """A record of another chain is neither of this tenant nor does it fit its place."""
    other = exported(key, tenant="rival")
    at = place_of(log, 7)
    mixed = kinds([*log[:at], other[at], *log[at + 1 :]], key)
    spliced = kinds([*log[:at], *exported(key)[at:]], key)

    assert {("tenant", 7), ("edited", 7), ("previous", 7)} <= set(mixed)
    assert spliced[0] == ("previous", 7)


def test_a_column_that_differs_from_its_record_is_found(key):
    """What queries show is what was recorded."""
    record = entry("decision", "acme", project="prj_1", verdict="deny", principal={"name": "ada"})
    link = next(linked("acme", 0, START, [canonical(record)]))
    head = signed_head(
        key, tenant="acme", sequence=1, hash=link.hash, after=0, at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    told = {name: record[name] for name in ("id", "kind", "project", "verdict")}
    told |= {"principal": "ada", "at": datetime.fromisoformat(record["at"]).timestamp()}

    def lines(columns: dict[str, Any]) -> list[str]:
        line = link_line(
            sequence=1, previous=link.previous, hash=link.hash, record=link.record, columns=columns
        )
        return [Opening(tenant="acme", first=1, last=1, keys=(key.id,)).line(), line, head_line(head)]

    assert kinds(lines(told), key) == []
    assert kinds(lines(told | {"verdict": "allow"}), key) == [("column", 1)]
    assert kinds(lines({**told, "stage": "task"}), key) == [("column", 1)]


def test_what_is_no_export_is_bad_input(key):
    """A file of something else is told at once."""
    for text in ("", "[]", "{}", '{"format": "soma/audit-export", "version": 2}', "no"):
        with pytest.raises(BadInput):
            checked([text], key)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_found(log, key, data):
    """Whatever byte of an export becomes another: it is found, or what is said is the same as before."""
    whole = "".join(log).encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    changed = whole[:at] + bytes([byte]) + whole[at + 1 :]

    assert found_in(changed, key) or same_content(changed, whole)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_lines_dropped_repeated_swapped_or_moved_are_found(log, key, data):
    """No line behind the first can be left out, doubled, or stand elsewhere."""
    lines = list(log)
    first = data.draw(st.integers(0, len(lines) - 1))
    second = data.draw(st.integers(0, len(lines) - 1).filter(lambda value: value != first))
    way = data.draw(st.sampled_from(["drop", "double", "swap", "move", "cut"]))
    if way == "drop":
        del lines[first]
    elif way == "double":
        lines.insert(second, lines[first])
    elif way == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    elif way == "move":
        lines.insert(second, lines.pop(first))
    else:
        lines = lines[: max(first, 1)]

    assert found_in("".join(lines).encode(), key)


@settings(max_examples=60, deadline=None)
@given(sequence=st.integers(1, 12), count=st.integers(100, 1000))
def test_hashes_computed_anew_are_found(log, key, sequence, count):
    """Whichever record is changed, the next head does not fit."""
    found = kinds(forged(log, sequence, count=count), key)

    assert found[0] == ("head", next(head for head in HEADS if head >= sequence))


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=40), number=st.floats(allow_nan=False) | st.integers(-(2**53) + 1, 2**53 - 1))
def test_what_is_exported_is_read_as_it_was(text, number):
    """Any text and number goes through a line unchanged, quick way and long way."""
    record = {"text": text, "nested": {text: [number]}, "tenant": "t"}
    line = link_line(sequence=3, previous="0" * 64, hash="1" * 64, record=canonical(record))

    quick, slow = read_line(line), read_line(" " + line)
    assert (quick.text, quick.sequence) == (slow.text, slow.sequence) == (canonical(record), 3)


def found_in(whole: bytes, key: SigningKey) -> bool:
    try:
        return not checked(whole.splitlines(keepends=True), key).sound
    except (BadInput, UnicodeDecodeError):
        return True


def same_content(one: bytes, other: bytes) -> bool:
    def parsed(whole: bytes) -> list[Any]:
        return [json.loads(line) for line in whole.splitlines() if line.strip()]

    return parsed(one) == parsed(other)

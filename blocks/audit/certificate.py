"""A decision certificate: what was decided, by which rules, from what, and where it stands in the log.

Whoever has it and the hub's public key can check it without the hub: each record stands at its place of the
chain that a signed head fixes, the constitution is the one that was signed, and deciding again from the
recorded inputs gives the recorded verdict. Records between a place and its head are known by digest only.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from blocks.audit.canonical import canonical_of_plain
from blocks.audit.chain import digest_of, link_hash
from blocks.audit.deriving import derived
from blocks.audit.heads import Head, Keys
from blocks.audit.steps import Step
from blocks.constitution.constitution import Constitution
from blocks.constitution.parsed import parsed
from blocks.constitution.signing import Signature, check
from blocks.errors import BadInput, SomaError

FORMAT = "soma/decision-certificate"
VERSION = 1
MOST_DIGESTS = 1_000_000
RULES = (
    {"digest", "name", "version", "text", "key", "signature"},
    {"digest", "unsigned", "text"},
    {"digest", "unsigned"},
)
"""What a certificate may say of a constitution: published, or a file, whose text may be lost."""
FIELDS = {"format", "version", "tenant", "decision", "related", "constitution"}


def certificate(
    *,
    tenant: str,
    decision: Mapping[str, Any],
    related: list[dict[str, Any]],
    constitution: Mapping[str, Any],
) -> dict[str, Any]:
    """The document; `decision` and each of `related` are `{record, place}` as `placed` makes them."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "tenant": tenant,
        "decision": dict(decision),
        "related": related,
        "constitution": dict(constitution),
    }


def placed(
    record: Mapping[str, Any], *, sequence: int, previous: str, following: list[str], head: Head
) -> dict[str, Any]:
    """A record with its place: the hash before it, and the digests of the records from it to the head."""
    place = {"sequence": sequence, "previous": previous, "following": following, "head": head.as_json()}
    return {"record": dict(record), "place": place}


def check_certificate(document: Any, keys: Keys) -> list[Step]:
    """Every step of the proof; `BadInput` when the document is no certificate."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadInput("this is no decision certificate", mend="`soma audit prove ID --out FILE` makes one")
    version = document.get("version")
    if type(version) is not int or version != VERSION or set(document) != FIELDS:  # True is no 1 here
        raise BadInput("this certificate has another version or other fields than this hub reads")
    try:
        return list(_steps(document, keys))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        return [Step(name="document", state="failed", said=f"it is damaged: {type(error).__name__}: {error}")]


def _steps(document: dict[str, Any], keys: Keys) -> Iterator[Step]:
    tenant, decision = document["tenant"], document["decision"]["record"]
    yield from _place_steps("decision", document["decision"], tenant, keys)
    if decision["kind"] != "decision":
        yield Step(name="decision", state="failed", said=f"the record is of the kind {decision['kind']!r}")
    for item in document["related"]:
        kind = item["record"]["kind"]
        yield from _place_steps(str(kind), item, tenant, keys)
        yield _relation(item["record"], decision)
    if decision.get("approval"):
        yield _approved(document["related"], decision)
    yield from _rule_steps(document["constitution"], decision, keys)


def _place_steps(name: str, item: Mapping[str, Any], tenant: str, keys: Keys) -> Iterator[Step]:
    record, place = item["record"], item["place"]
    if set(item) != {"record", "place"} or set(place) != {"sequence", "previous", "following", "head"}:
        yield Step(name=f"{name}: place", state="failed", said="it has fields that nothing vouches for")
    head = Head.from_json(place["head"])
    fault = head.fault(keys)
    if fault is None and not head.tenant == tenant == record["tenant"]:
        fault = "it is of another tenant"
    signed = f"signed {head.signed_at} by the key {head.key}"
    yield Step(name=f"{name}: head {head.sequence}", state="failed" if fault else "ok", said=fault or signed)
    reached = _reached(record, place, tenant)
    fits = reached == (head.sequence, head.hash)
    said = f"record {record['id']} is number {place['sequence']} of the chain of {tenant}"
    yield Step(
        name=f"{name}: place",
        state="ok" if fits else "failed",
        said=said if fits else "the record and those behind it do not lead to the signed head",
    )


def _reached(record: Mapping[str, Any], place: Mapping[str, Any], tenant: str) -> tuple[int, str]:
    """The end of the chain from the record on."""
    following, sequence, end = place["following"], place["sequence"], place["previous"]
    if len(following) > MOST_DIGESTS or type(sequence) is not int:
        raise ValueError("the place is none")
    for digest in (digest_of(canonical_of_plain(record)), *following):
        end = link_hash(tenant, sequence, digest, end)
        sequence += 1
    return sequence - 1, end


def _relation(record: Mapping[str, Any], decision: Mapping[str, Any]) -> Step:
    kind = record["kind"]
    if kind == "outcome":
        fits = record.get("decision") == decision["id"]
        said = f"it {record.get('outcome')} after {record.get('seconds')} seconds"
    else:
        fits = kind == "approval" and record.get("digest") == (decision.get("approval") or {}).get("digest")
        who = f" by {record['by']}" if record.get("by") else ""
        said = f"approval {record.get('approval')} {record.get('event')}{who}"
    wrong = "this record belongs to another decision"
    return Step(name=f"{kind}: what", state="ok" if fits else "failed", said=said if fits else wrong)


def _approved(related: list[dict[str, Any]], decision: Mapping[str, Any]) -> Step:
    """People agreed to exactly this action, and the log has their answers."""
    answers = [item["record"] for item in related if item["record"]["kind"] == "approval"]
    said, by = {record.get("event") for record in answers}, decision["approval"].get("by") or []
    silent = sorted(set(map(str, by)) - {record.get("by") for record in answers})
    who = ", ".join(map(str, by)) or "nobody"
    if "approved" in said and not silent:
        return Step(name="approval", state="ok", said=f"approved by {who}")
    told = f"the decision says that {who} approved it; the certificate has no record of that"
    return Step(name="approval", state="open", said=told)


def _rule_steps(said: Mapping[str, Any], decision: Mapping[str, Any], keys: Keys) -> Iterator[Step]:
    if not decision["constitution"]:
        who = decision["articles"][0]["article"] if decision["articles"] else "the guard"
        told = f"the hub's own limit {who!r} decided, before any constitution was asked: nothing to derive"
        yield Step(name="verdict", state="open", said=told)
        return
    if set(said) not in RULES or said["digest"] != decision["constitution"]:
        yield Step(name="constitution", state="failed", said="it is another one than the decision names")
        return
    text = said.get("text")
    if text is None:
        told = str(said["unsigned"])
        yield Step(name="constitution", state="open", said=told)
        yield Step(name="verdict", state="open", said="it cannot be derived without the constitution's text")
        return
    try:
        constitution = parsed(str(text))
    except SomaError as error:
        yield Step(name="constitution", state="failed", said=f"it does not load: {error.message}")
        return
    yield _digest_step(constitution, decision)
    yield _signature_step(constitution, said, keys)
    yield derived(constitution, decision)


def _digest_step(constitution: Constitution, decision: Mapping[str, Any]) -> Step:
    fits = constitution.digest == decision["constitution"]
    title = f"{constitution.name} {constitution.version}"
    said = (
        f"{title} is the text that the decision names" if fits else f"{title} is another text than it names"
    )
    return Step(name="constitution: digest", state="ok" if fits else "failed", said=said)


def _signature_step(constitution: Constitution, said: Mapping[str, Any], keys: Keys) -> Step:
    name = "constitution: signature"
    if said.get("unsigned"):
        return Step(name=name, state="open", said=str(said["unsigned"]))
    if (said.get("name"), said.get("version")) != (constitution.name, constitution.version):
        return Step(name=name, state="failed", said="the text has another name or version than is said")
    given = Signature(key=str(said["key"]), signature=str(said["signature"]), digest=str(said["digest"]))
    try:
        check(constitution, given, keys)
    except BadInput as error:
        return Step(name=name, state="failed", said=error.message)
    return Step(name=name, state="ok", said=f"signed by the key {given.key}")

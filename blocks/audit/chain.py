"""The chain of a tenant's audit records: each link's hash covers the whole record and the link before."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from blocks.audit.canonical import canonical_of_plain

START = "0" * 64
"""What the first record of a tenant names as the hash before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One record in its place."""

    tenant: str
    sequence: int
    record: str
    """The canonical JSON (RFC 8785) of the record."""
    previous: str
    hash: str


def digest_of(record: str) -> str:
    """The SHA-256 of a record's text."""
    return hashlib.sha256(record.encode()).hexdigest()


def link_hash(tenant: str, sequence: int, record_digest: str, previous: str) -> str:
    """SHA-256 over the canonical JSON of `{previous, record, sequence, tenant}`.

    `record` stands there as the SHA-256 of its text, so a place can be proven without showing the record.
    """
    spelled = canonical_of_plain(tenant)
    place = f'{{"previous":"{previous}","record":"{record_digest}","sequence":{sequence},"tenant":{spelled}}}'
    return hashlib.sha256(place.encode()).hexdigest()


def linked(tenant: str, sequence: int, end: str, records: Iterable[str]) -> Iterator[Link]:
    """The records as the links that follow the one numbered `sequence`, whose hash is `end`."""
    for record in records:
        sequence += 1
        following = link_hash(tenant, sequence, digest_of(record), end)
        yield Link(tenant=tenant, sequence=sequence, record=record, previous=end, hash=following)
        end = following

"""The chain of a tenant's audit records: each link's hash covers the whole record and the link before."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from blocks.plain import plain

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


def canonical(record: Mapping[str, Any]) -> str:
    """The record as the text that is hashed and kept."""
    return rfc8785.dumps(plain(record)).decode()


def link_hash(tenant: str, sequence: int, record: str, previous: str) -> str:
    """SHA-256 over the canonical JSON of `{previous, record, sequence, tenant}`.

    `record` stands there as the SHA-256 of its text, so a place can be proven without showing the record.
    """
    place: dict[str, Any] = {
        "tenant": tenant,
        "sequence": sequence,
        "previous": previous,
        "record": hashlib.sha256(record.encode()).hexdigest(),
    }
    return hashlib.sha256(rfc8785.dumps(place)).hexdigest()


def linked(tenant: str, sequence: int, end: str, records: Iterable[str]) -> Iterator[Link]:
    """The records as the links that follow the one numbered `sequence`, whose hash is `end`."""
    for record in records:
        sequence += 1
        following = link_hash(tenant, sequence, record, end)
        yield Link(tenant=tenant, sequence=sequence, record=record, previous=end, hash=following)
        end = following

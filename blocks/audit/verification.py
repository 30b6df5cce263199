"""Verifying an exported chain with public keys only: each tampering is found and located, in bounded memory.

What a chain cannot show by itself: that whoever holds the signing key wrote another chain from the start,
and that everything behind a head was cut off together with the heads that followed. The second is found with
an anchor, a later head that was kept elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.audit.chain import START, digest_of, link_hash
from blocks.audit.columns import as_told, columns_of
from blocks.audit.export import Exported, Opening, read_line
from blocks.audit.findings import Finding, Trouble
from blocks.audit.heads import Head, Keys
from blocks.errors import BadInput

MOST_FINDINGS = 1_000
"""Kept; more are only counted."""


@dataclass(kw_only=True)
class Verified:
    """What a verification saw."""

    tenant: str
    first: int
    last: int
    records: int = 0
    heads: int = 0
    newest: Head | None = None
    """The last head whose signature and place are right."""
    findings: list[Finding] = field(default_factory=list)
    troubles: int = 0
    """How many findings there were, kept or not."""

    @property
    def sound(self) -> bool:
        return not self.troubles


def verify(lines: Iterable[str | bytes], keys: Keys, anchors: Sequence[Head] = ()) -> Verified:
    """Walk an export; `BadInput` when its first line is not that of one."""
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (0, ""))
    walk = _Walk(Opening.read(_text(first)), keys, anchors)
    for number, line in numbered:
        walk.take(number, line)
    return walk.ended()


class _Walk:
    """The state between two lines: the last place and its hash, and the last head."""

    def __init__(self, opening: Opening, keys: Keys, anchors: Sequence[Head]) -> None:
        self._opening, self._keys = opening, keys
        self._anchors = _good_anchors(anchors, keys, opening.tenant)
        self._line = 1
        self._place = opening.first - 1
        self._end: str | None = START if opening.first == 1 else None
        self._record: str | None = None
        self._signed: int | None = 0 if opening.first == 1 else None
        self._used: set[str] = set()
        self.seen = Verified(tenant=opening.tenant, first=opening.first, last=opening.last)

    def take(self, number: int, line: str | bytes) -> None:
        self._line = number
        try:
            text = _text(line)
            if not text.strip():
                return
            found = read_line(text)
        except (ValueError, RecursionError, BadInput) as error:
            self._tell("unreadable", self._place + 1, f"line {number} cannot be read: {error}")
            return
        if isinstance(found, Head):
            self._take_head(found)
        else:
            self._take_record(found)

    def ended(self) -> Verified:
        """The verdict, once all lines are taken."""
        seen, opening = self.seen, self._opening
        if self._place != opening.last:
            said = f"the export says that it ends with record {opening.last}, and ends with {self._place}"
            self._tell("truncated", self._place, said)
        if set(opening.keys) != self._used:
            said = "the first line names other keys than those that signed the heads"
            self._tell("key", self._place, said)
        signed = opening.first - 1 if self._signed is None else self._signed
        if self._place > signed:
            said = f"no signed head covers the records from {signed + 1} to {self._place}"
            self._tell("unsigned", signed + 1, said)
        for place, anchor in sorted(self._anchors.items()):
            if place > self._place:
                said = f"the anchored head stands at {place}, the log ends at {self._place}"
                self._tell("truncated", self._place, f"{said} (signed {anchor.signed_at})")
        return seen

    def _take_record(self, found: Exported) -> None:
        self.seen.records += 1
        self._record = _id(found.record)
        self._check_content(found)
        expected = self._place + 1
        if found.sequence < expected:
            self._tell_repeated(found)
            return
        if found.sequence > expected:
            said = f"records {expected} to {found.sequence - 1} are not where they belong"
            self._tell("missing", expected, said)
        elif self._end is not None and found.previous != self._end:
            said = f"record {found.sequence} follows another record than the one before it"
            self._tell("previous", found.sequence, said)
        self._place, self._end = found.sequence, found.hash
        self._check_anchor()

    def _tell_repeated(self, found: Exported) -> None:
        if found.sequence == self._place:
            self._tell("repeated", found.sequence, f"the sequence {found.sequence} stands here again")
        else:
            said = f"record {found.sequence} stands behind record {self._place}"
            self._tell("reordered", found.sequence, said)

    def _check_content(self, found: Exported) -> None:
        tenant = self._opening.tenant
        if found.record.get("tenant") != tenant:
            whose = found.record.get("tenant")
            self._tell("tenant", found.sequence, f"this record is of the tenant {whose!r}, not of {tenant!r}")
        if link_hash(tenant, found.sequence, digest_of(found.text), found.previous) != found.hash:
            said = "its hash does not fit what it says: a field, its place, or the hash itself was changed"
            self._tell("edited", found.sequence, said)
        if found.columns is not None and (names := _differing(found)):
            said = f"the database's column {', '.join(names)} says something else than the record"
            self._tell("column", found.sequence, said)

    def _take_head(self, head: Head) -> None:
        self.seen.heads += 1
        self._record = None
        self._used.add(head.key)
        fault = self._fault_of(head)
        if fault:
            self._tell(*fault)
        else:
            self.seen.newest = head
        self._signed = head.sequence

    def _fault_of(self, head: Head) -> tuple[Trouble, int, str] | None:
        if fault := head.fault(self._keys):
            kind: Trouble = "signature" if head.key in self._keys else "key"
            return kind, head.sequence, f"the head at {head.sequence} proves nothing: {fault}"
        if head.tenant != self._opening.tenant:
            return "tenant", head.sequence, f"this head is of the tenant {head.tenant!r}"
        said = self._misfit(head)
        return ("head", head.sequence, said) if said else None

    def _misfit(self, head: Head) -> str | None:
        if head.sequence != self._place:
            return f"the head of record {head.sequence} stands behind record {self._place}"
        if head.hash != self._end:
            return f"{self._since(head)} are not those that were signed"
        in_the_middle = self._signed is None and head.after < self._opening.first
        if head.after != self._signed and not in_the_middle:
            return f"between the heads at {self._signed or 0} and {head.sequence} one is missing or too many"
        return None

    def _since(self, head: Head) -> str:
        return f"the records from {head.after + 1} to {head.sequence}, or some of them,"

    def _check_anchor(self) -> None:
        anchor = self._anchors.get(self._place)
        if anchor and anchor.hash != self._end:
            said = f"the anchored head of {anchor.signed_at} has another hash at {self._place}"
            self._tell("head", self._place, f"{said}: the log was rewritten at or before this record")

    def _tell(self, kind: Trouble, sequence: int, said: str) -> None:
        seen = self.seen
        seen.troubles += 1
        if len(seen.findings) < MOST_FINDINGS:
            finding = Finding(kind=kind, sequence=sequence, id=self._record, line=self._line, said=said)
            seen.findings.append(finding)


def _good_anchors(anchors: Sequence[Head], keys: Keys, tenant: str) -> dict[int, Head]:
    for anchor in anchors:
        if fault := anchor.fault(keys):
            raise BadInput(f"the anchored head at {anchor.sequence} proves nothing: {fault}")
        if anchor.tenant != tenant:
            raise BadInput(f"the anchored head is of the tenant {anchor.tenant!r}, the export of {tenant!r}")
    return {anchor.sequence: anchor for anchor in anchors}


def _differing(found: Exported) -> list[str]:
    try:
        expected = as_told(columns_of(found.record))
    except (KeyError, TypeError, ValueError):
        return ["at"]
    told: Any = found.columns
    return sorted(name for name in {*expected, *told} if expected.get(name) != told.get(name))


def _id(record: Any) -> str | None:
    found = record.get("id")
    return found if isinstance(found, str) else None


def _text(line: str | bytes) -> str:
    return line if isinstance(line, str) else line.decode()

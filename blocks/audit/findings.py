"""What is wrong with a chain: what kind of tampering, where, and what to do."""

from dataclasses import dataclass
from typing import Literal

Trouble = Literal[
    "unreadable",
    "edited",
    "tenant",
    "missing",
    "repeated",
    "reordered",
    "previous",
    "column",
    "signature",
    "key",
    "head",
    "truncated",
    "unsigned",
]

MENDS: dict[Trouble, str] = {
    "unreadable": "take a new export; if it is the same, compare this line with a backup",
    "edited": "compare this record with an older export or a backup of the database",
    "tenant": "find out whose record it is: chains of tenants were mixed",
    "missing": "look for the missing records in an older export or a backup of the database",
    "repeated": "only one of them was in the chain: the one that the next record names",
    "reordered": "sort by sequence; whoever changed the order had access to the log",
    "previous": "from here on the chain is another one than before: compare both sides with a backup",
    "column": "queries show something else than what was recorded: restore the column from the record",
    "signature": "this head was changed or forged; look for it in an older export",
    "key": "get the hub's public key from its operator by another way and compare ids (`soma keys show`)",
    "head": "the records up to here are not those that were signed: compare with a backup",
    "truncated": "the end of the log was cut off: look for it in an older export or a backup",
    "unsigned": "the hub signs every 30 seconds; take a new export, and if it stays so, heads were removed",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One trouble and its place."""

    kind: Trouble
    sequence: int
    """The place in the chain."""
    id: str | None = None
    """The record's, where there is one."""
    line: int | None = None
    said: str

    @property
    def mend(self) -> str:
        return MENDS[self.kind]

    def as_json(self) -> dict[str, object]:
        place = {"sequence": self.sequence, "id": self.id, "line": self.line}
        return {"kind": self.kind, **place, "said": self.said, "mend": self.mend}

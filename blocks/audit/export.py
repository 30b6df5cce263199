"""An export of the chain as lines of JSON: what it is, its records, each signed head behind its record."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from blocks.audit.canonical import canonical_of_plain
from blocks.audit.heads import Head
from blocks.errors import BadInput

FORMAT = "soma/audit-export"
VERSION = 1
SAFE_DIGITS = 15
"""Integers with so many digits, sign included, are exact in JSON."""
_LINK = re.compile(
    r'\{(?:"columns":(\{[^{}]*\}),)?"hash":"([0-9a-f]{64})","previous":"([0-9a-f]{64})","record":(\{.*\}),"sequence":([1-9][0-9]{0,17})\}',
    re.DOTALL,
)
_LINK_FIELDS = {"hash", "previous", "record", "sequence"}


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The first line: whose chain this is, from where to where, and by whose keys its heads are signed."""

    tenant: str
    first: int
    last: int
    """The sequence of the last record; one less than `first` when there are no records."""
    keys: tuple[str, ...]

    def line(self) -> str:
        said = {"format": FORMAT, "version": VERSION, "tenant": self.tenant, "keys": sorted(self.keys)}
        return canonical_of_plain({**said, "first": self.first, "last": self.last}) + "\n"

    @classmethod
    def read(cls, line: str) -> "Opening":
        """The opening of an export; `BadInput` when the line is none."""
        try:
            said = read_json(line)
        except ValueError:
            said = None
        if not isinstance(said, dict) or said.get("format") != FORMAT:
            raise BadInput(
                "this is no export of an audit log", mend="`soma audit export --out FILE` makes one"
            )
        version = said.get("version")
        if type(version) is not int or version != VERSION:  # True is no 1 here
            raise BadInput(f"this export has the version {version!r}; this hub reads {VERSION}")
        tenant, keys, first, last = (said.get(name) for name in ("tenant", "keys", "first", "last"))
        if (
            not isinstance(tenant, str)
            or not _are_texts(keys)
            or type(first) is not int
            or type(last) is not int
        ):
            raise BadInput("the first line of the export is damaged: it says tenant, keys, first and last")
        if set(said) != {"format", "version", "tenant", "keys", "first", "last"} or first < 1:
            raise BadInput("the first line of the export is damaged: it has other fields or a wrong place")
        return cls(tenant=tenant, first=first, last=last, keys=tuple(map(str, keys or ())))


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """One record as an export has it."""

    sequence: int
    previous: str
    hash: str
    text: str
    """The record's canonical JSON."""
    record: Mapping[str, Any]
    columns: Mapping[str, Any] | None = None
    """What the database's columns say, where the hub was asked for them."""


def link_line(
    *, sequence: int, previous: str, hash: str, record: str, columns: Mapping[str, Any] | None = None
) -> str:
    """The line of a record whose canonical JSON is `record`."""
    told = f'"columns":{canonical_of_plain(columns)},' if columns is not None else ""
    return f'{{{told}"hash":"{hash}","previous":"{previous}","record":{record},"sequence":{sequence}}}\n'


def head_line(head: Head) -> str:
    return canonical_of_plain({"head": head.as_json()}) + "\n"


def read_line(line: str) -> Exported | Head:
    """What a line behind the first holds; `ValueError` or `BadInput` when it is neither record nor head."""
    found = _LINK.fullmatch(line.rstrip("\r\n"))
    if found:  # the text itself is at hand and need not be written anew
        columns = read_json(found[1]) if found[1] else None
        return _exported(read_json(found[4]), found[4], (found[2], found[3], int(found[5])), columns)
    said = read_json(line)
    if isinstance(said, dict) and set(said) == {"head"}:
        return Head.from_json(said)
    if not isinstance(said, dict) or not _LINK_FIELDS <= set(said) <= _LINK_FIELDS | {"columns"}:
        raise ValueError("it is neither a record nor a signed head")
    place = (said["hash"], said["previous"], said["sequence"])
    return _exported(said["record"], canonical_of_plain(said["record"]), place, said.get("columns"))


def _exported(record: Any, text: str, place: tuple[Any, Any, Any], columns: Any) -> Exported:
    link, previous, sequence = place
    text.encode()  # half a surrogate pair is no text
    if not isinstance(record, dict) or not _are_texts([previous, link]) or type(sequence) is not int:
        raise ValueError("it is neither a record nor a signed head")
    return Exported(
        sequence=sequence, previous=previous, hash=link, text=text, record=record, columns=columns
    )


def read_json(text: str) -> Any:
    """The value of a JSON text; a name that stands twice in an object is an error, and so is NaN."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_int=_number)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _number(text: str) -> int | float:
    """JSON knows no other integers than those that a double holds."""
    return int(text) if len(text) <= SAFE_DIGITS else float(text)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _are_texts(values: Any) -> bool:
    return (
        isinstance(values, Iterable)
        and not isinstance(values, str)
        and all(isinstance(v, str) for v in values)
    )

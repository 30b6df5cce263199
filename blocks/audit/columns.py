"""The fields of a record that the database repeats in columns, for queries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from blocks.records.text import storable

REPEATED = ("id", "kind", "project", "node", "stage", "action", "verdict", "constitution", "decision")
"""Those whose columns have the same name."""
LONGEST = 600
"""Characters of a column: an index takes no more than some 2,700 bytes."""


def columns_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the columns beside a record repeat of it."""
    repeated = {name: _column(record.get(name)) for name in REPEATED}
    return repeated | {
        "at": datetime.fromisoformat(record["at"]),
        "principal": _column(_inner(record, "principal", "name")),
        "shadow_verdict": _column(_inner(record, "shadow", "verdict")),
    }


def as_told(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as JSON, in UTC, so that two spellings of one moment are the same."""
    told = {name: value for name, value in columns.items() if value is not None}
    moment: datetime = columns["at"]
    return told | {"at": moment.timestamp()}


def _inner(record: Mapping[str, Any], name: str, field: str) -> Any:
    holder = record.get(name)
    return holder.get(field) if isinstance(holder, Mapping) else holder


def _column(value: Any) -> str | None:
    return None if value is None else storable(str(value), LONGEST)

"""An item as the payload of a point, and back; a selection as conditions on payloads."""

import json
from datetime import UTC, datetime
from typing import Any

from blocks.memory.checks import as_seconds, checked_ids, checked_scope, checked_tenant
from blocks.memory.engine import Found, Where
from blocks.memory.items import Item, Selection, Source


def payload_of(tenant: str, item: Item) -> dict[str, Any]:
    # Data goes in as JSON text: the engine rounds integers of more than 64 bits.
    known = {
        "tenant": tenant,
        "scope": item.scope,
        "text": item.text,
        "key": item.key,
        "data": None if item.data is None else json.dumps(item.data, separators=(",", ":")),
        "labels": list(item.labels),
        "project": item.source.project,
        "node": item.source.node,
        "capsule": item.source.capsule,
        "source_labels": list(item.source.labels) or None,
        "created_at": item.created_at.timestamp(),
        "expires_at": as_seconds(item.expires_at, "expires_at"),
    }
    return {name: value for name, value in known.items() if value is not None}


def item_of(found: Found) -> Item:
    known = found.payload
    expires = known.get("expires_at")
    return Item(
        id=found.id,
        scope=known["scope"],
        text=known["text"],
        key=known.get("key"),
        data=json.loads(known["data"]) if "data" in known else None,
        labels=tuple(known["labels"]),
        source=Source(
            project=known.get("project"),
            node=known.get("node"),
            capsule=known.get("capsule"),
            labels=tuple(known.get("source_labels", ())),
        ),
        created_at=datetime.fromtimestamp(known["created_at"], UTC),
        expires_at=None if expires is None else datetime.fromtimestamp(expires, UTC),
    )


def where_of(tenant: str, selection: Selection) -> Where:
    equal: list[tuple[str, tuple[str, ...]]] = [("labels", (label,)) for label in selection.labels]
    if selection.scopes is not None:
        equal.append(("scope", tuple(checked_scope(scope) for scope in selection.scopes)))
    if selection.project is not None:
        equal.append(("project", (selection.project,)))
    return Where(
        tenant=checked_tenant(tenant),
        equal=tuple(equal),
        ids=None if selection.ids is None else tuple(checked_ids(selection.ids)),
        created_before=as_seconds(selection.created_before, "created_before"),
    )

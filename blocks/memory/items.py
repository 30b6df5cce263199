"""What memory keeps and what it gives back."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4, uuid5

from pydantic import ConfigDict

from blocks.memory.checks import as_json, as_seconds, checked_scope, checked_tenant, checked_text

Mode = Literal["fused", "words", "meaning"]

TEXT_LIMIT = 200_000
"""Characters of one text."""
DATA_LIMIT = 262_144
"""Bytes of one item's data as JSON."""

_SUBJECT = re.compile(r"(?!sha256-)[A-Za-z0-9_.-]{1,64}")
_IDS = UUID("5d0e1c1a-60d8-5b6f-9f6c-0f5f6a3c2f11")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a memory comes from."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    project: str | None = None
    node: str | None = None
    capsule: str | None = None
    labels: tuple[str, ...] = ()
    """Where its words come from, such as `web_content`; they are known again when it is recalled."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A memory to be kept."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    text: str
    """What recall searches; the words count in full, the meaning of about the first 200 words."""
    key: str | None = None
    """A draft with the key of a memory in the same scope replaces that memory."""
    data: Any = None
    """Any JSON, kept and given back as it is."""
    labels: tuple[str, ...] = ()
    source: Source = field(default_factory=Source)
    expires_at: datetime | None = None
    """From then on it is not recalled, and soon after it is gone."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A memory that was kept."""

    id: str
    scope: str
    text: str
    key: str | None
    data: Any
    labels: tuple[str, ...]
    source: Source
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A memory that was recalled; a higher score is a better answer to this one query."""

    item: Item
    score: float


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The memories of one tenant that satisfy every condition given."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    ids: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    labels: tuple[str, ...] = ()
    project: str | None = None
    created_before: datetime | None = None


def namespace(scope: str, subject: str = "") -> str:
    """The concrete scope: `repository` of a subject becomes `repository:SUBJECT`, hashed when not plain."""
    if not subject:
        return checked_scope(scope)
    if _SUBJECT.fullmatch(subject):
        return checked_scope(f"{scope}:{subject}")
    digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()
    return checked_scope(f"{scope}:sha256-{digest}")


def keep(tenant: str, scope: str, draft: Draft) -> Item:
    """The item that a draft becomes; the same tenant, scope and key always give the same id."""
    checked_draft(draft)
    identity = json.dumps([checked_tenant(tenant), checked_scope(scope), draft.key])
    return Item(
        id=str(uuid4() if draft.key is None else uuid5(_IDS, identity)),
        scope=scope,
        text=draft.text,
        key=draft.key,
        data=draft.data,
        labels=tuple(dict.fromkeys(draft.labels)),
        source=draft.source,
        created_at=datetime.now(UTC),
        expires_at=draft.expires_at,
    )


def checked_draft(draft: Draft) -> Draft:
    """The draft, or `BadInput` that says what of it cannot be kept."""
    checked_text(draft.text, "the text of a memory", TEXT_LIMIT)
    as_json(draft.data, "the data of a memory", DATA_LIMIT)
    as_seconds(draft.expires_at, "expires_at")
    for label in draft.labels:
        checked_text(label, "a label", 200)
    if draft.key is not None:
        checked_text(draft.key, "the key of a memory", 500)
    for label in draft.source.labels:
        checked_text(label, "a label of a source", 200)
    for name in (draft.source.project, draft.source.node, draft.source.capsule):
        if name is not None:
            checked_text(name, "the source of a memory", 200)
    return draft

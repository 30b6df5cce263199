"""Signed heads: the hub's signature under the end of a tenant's chain, to be kept outside of the hub."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from blocks.audit.canonical import canonical_of_plain
from blocks.errors import BadInput
from blocks.keys import PublicKey, SigningKey

TYPE = "soma/audit-head"
Keys = Mapping[str, PublicKey]
"""Public keys by their ids."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """Says that a tenant's chain had this hash at this place, and at which place the head before stands."""

    tenant: str
    sequence: int
    hash: str
    after: int
    """The sequence of the head before; 0 for the first."""
    signed_at: str
    """ISO 8601."""
    key: str
    """The id of the key that signed."""
    signature: str = ""
    """Base64, over the canonical JSON of all other fields and `type`."""

    @classmethod
    def from_json(cls, said: Any) -> "Head":
        """The head of a document, which may be wrapped as `{"head": …}`; `BadInput` when it is none."""
        inner = said.get("head", said) if isinstance(said, dict) else said
        if not isinstance(inner, dict) or inner.get("type") != TYPE:
            raise BadInput(f"this is no signed head: it has no type {TYPE!r}")
        given = {name: value for name, value in inner.items() if name != "type"}
        wrong = sorted({name for name, value in given.items() if type(value) is not _FIELDS.get(name)})
        if missing := wrong or sorted(set(_FIELDS) - set(given)):
            raise BadInput(f"this is no signed head: {missing[0]!r} is missing, unknown or of a wrong type")
        return cls(**given)

    def as_json(self) -> dict[str, Any]:
        return {"type": TYPE, **asdict(self)}

    @property
    def payload(self) -> bytes:
        """What is signed."""
        said = self.as_json()
        del said["signature"]
        return canonical_of_plain(said).encode()

    def fault(self, keys: Keys) -> str | None:
        """Why this head proves nothing, if so."""
        key = keys.get(self.key)
        if key is None:
            return f"it is signed by the key {self.key}, which is none of those given ({_listed(keys)})"
        if not _spelled_as_made(self.signature) or not key.verify(self.payload, self.signature):
            return f"its signature is not that of the key {self.key} over what it says"
        return None


_FIELDS: Mapping[str, Any] = {field.name: field.type for field in fields(Head)}


def signed_head(key: SigningKey, *, tenant: str, sequence: int, hash: str, after: int, at: datetime) -> Head:
    """The head of this place, signed."""
    said = {"tenant": tenant, "sequence": sequence, "hash": hash, "after": after, "key": key.id}
    blank = Head(**said, signed_at=at.isoformat())  # type: ignore[arg-type]  # a dict of str and int
    return Head(**said, signed_at=at.isoformat(), signature=key.sign(blank.payload))  # type: ignore[arg-type]  # as above


def _spelled_as_made(signature: str) -> bool:
    """Base64 leaves bits unused at the end; another spelling of the same bytes is a change too."""
    try:
        return base64.b64encode(base64.b64decode(signature, validate=True)).decode() == signature
    except (binascii.Error, ValueError):
        return False


def _listed(keys: Keys) -> str:
    return ", ".join(sorted(keys)) or "none"

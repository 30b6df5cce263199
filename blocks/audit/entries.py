"""The records that are not decisions: what happened to approvals, tokens, constitutions and the like."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from blocks.plain import plain

Kind = Literal[
    "decision",
    "outcome",
    "approval",
    "token",
    "constitution",
    "capsule",
    "memory",
    "budget",
    "control",
    "trigger",
    "user",
    "tenant",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

PREFIXES: Mapping[Kind, str] = {
    "decision": "dec",
    "outcome": "out",
    "approval": "apv",
    "token": "tkn",
    "constitution": "con",
    "capsule": "cap",
    "memory": "mem",
    "budget": "bud",
    "control": "ctl",
    "trigger": "tri",
    "user": "usr",
    "tenant": "tnt",
}
"""How the ids of records begin."""


def entry(kind: Kind, tenant: str, **body: Any) -> dict[str, Any]:
    """A record of this kind, made now, to be appended to the tenant's chain; its values become plain."""
    said: dict[str, Any] = plain(body)
    return said | {
        "id": f"{PREFIXES[kind]}_{os.urandom(12).hex()}",
        "kind": kind,
        "tenant": tenant,
        "at": datetime.now(UTC).isoformat(),
    }

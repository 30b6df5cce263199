"""Who acts."""

import re
from dataclasses import dataclass
from typing import Literal

from blocks.errors import BadInput

ROLES = frozenset({"admin", "approver", "developer", "operator", "viewer"})
RESERVED = frozenset({"admin", "prefect", "soma"})
"""Names under which the hub itself acts."""
_NAME = re.compile(r"[a-z][a-z0-9._@-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Mandate:
    """For what an agent acts, and how far it may go: proven by its token, decided when it was planned."""

    attempt: str
    """The attempt's id; the token is worth nothing once the attempt is over."""
    project: str
    node: str
    number: int
    """Which attempt of the node it is."""
    generation: int
    memory: frozenset[str]
    """The scopes that it may read and write, such as `project`."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A user, an agent or a service of a tenant."""

    tenant: str
    name: str
    kind: Literal["user", "agent", "service"] = "user"
    roles: frozenset[str] = frozenset()
    on_behalf_of: str = ""
    """The person for whom an agent acts."""
    mandate: Mandate | None = None
    """An agent's; None for everybody else, and for agents inside of their own run."""
    session: str | None = None
    """The sign-in that a person's token belongs to."""


def check_name(name: str, whose: str) -> None:
    """Raise `BadInput` unless somebody may be called so."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name for {whose}: small letters, digits and . _ @ -")
    if name in RESERVED:
        raise BadInput(f"the hub itself acts as {name!r}; choose another name")


def check_roles(roles: frozenset[str], whose: str) -> None:
    """Raise `BadInput` unless these are roles, and one or more."""
    if not roles or not roles <= ROLES:
        wrong = ", ".join(sorted(roles - ROLES)) or "none"
        raise BadInput(f"roles: {wrong}: {whose} has one or more of {', '.join(sorted(ROLES))}")

"""Who acts."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A user, an agent or a service of a tenant."""

    tenant: str
    name: str
    kind: Literal["user", "agent", "service"] = "user"
    roles: frozenset[str] = frozenset()
    on_behalf_of: str = ""
    """The person for whom an agent acts."""

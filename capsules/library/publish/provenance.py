from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel, ConfigDict

from capsules.repository.analysis import Text


class Provenance(BaseModel):
    """Who asked for the audit, what was carried out, under which rules, and who let it be published."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    project: Text | None = None
    blueprint: Text | None = None
    requested_by: Text | None = None
    plan: Text | None = None
    """The digest of what was approved and carried out."""
    constitution: Text | None = None
    """The digest of the rules in force."""
    constitution_version: Text | None = None
    approved_by: Text | None = None
    approved_at: datetime | None = None
    approval_comment: Text | None = None
    capsules: dict[str, Text] = {}

    def filled(self, facts: Mapping[str, Any]) -> "Provenance":
        """The same, with what is not known yet taken from these facts."""
        known = self.model_dump(exclude_none=True, exclude_defaults=True)
        return Provenance.model_validate({**facts, **known})

    def lines(self) -> Iterator[tuple[str, str]]:
        """Label and value of everything that is known."""
        approved = self.approved_at and f"{self.approved_at:%Y-%m-%d %H:%M %Z}".strip()
        facts = {
            "Project": self.project,
            "Blueprint": self.blueprint,
            "Requested by": self.requested_by,
            "Plan digest": self.plan,
            "Constitution": self.constitution_version,
            "Constitution digest": self.constitution,
            "Publishing approved by": self.approved_by,
            "Approved at": approved,
            "Comment on the approval": self.approval_comment,
            "Capsules": ", ".join(f"{name} {number}" for name, number in sorted(self.capsules.items())),
            "SomaAgentHub": _own_version(),
        }
        yield from ((label, value) for label, value in facts.items() if value)


def _own_version() -> str:
    try:
        return version("soma-agent-hub")
    except PackageNotFoundError:
        return ""

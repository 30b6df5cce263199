"""What checking a certificate says."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that was checked."""

    name: str
    state: Literal["ok", "failed", "open"]
    """`open`: it could be neither shown nor refuted, and `said` tells why."""
    said: str

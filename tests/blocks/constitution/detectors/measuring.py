"""Precision and recall of the detectors on the labelled examples beside this file.

Run as a script it prints the table that docs/concepts/detectors.md shows, with `-v` also what was missed.
"""

import base64
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from blocks.constitution.detectors.injection import has_injection_signs
from blocks.constitution.detectors.paths import paths_outside
from blocks.constitution.detectors.personal import has_personal_data
from blocks.constitution.detectors.secrets import has_secret
from blocks.constitution.detectors.shelling import shells_out
from blocks.constitution.detectors.urls import urls_outside

LABELLED = Path(__file__).parent / "labelled"
DETECTORS: Mapping[str, tuple[str, Callable[[Any, dict[str, Any]], bool]]] = {
    "secrets": ("has_secret", lambda value, _: has_secret(value)),
    "personal": ("has_personal_data", lambda value, _: has_personal_data(value)),
    "injection": ("has_injection_signs", lambda value, _: has_injection_signs(value)),
    "shelling": ("shells_out", lambda value, _: shells_out(value)),
    "urls": ("urls_outside", lambda value, part: urls_outside(value, part["globs"])),
    "paths": ("paths_outside", lambda value, part: paths_outside(value, part["folder"])),
}


@dataclass(kw_only=True)
class Measured:
    """How one detector answered to one half of its examples."""

    function: str
    half: str
    positive: int
    negative: int
    missed: list[Any] = field(default_factory=list)
    alarmed: list[Any] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / self.positive

    @property
    def precision(self) -> float:
        true = self.positive - len(self.missed)
        return true / max(true + len(self.alarmed), 1)

    @property
    def row(self) -> str:
        return (
            f"| `{self.function}` | {self.half} | {self.positive} | {self.negative} "
            f"| {self.precision:.3f} | {self.recall:.3f} |"
        )


def measure(name: str) -> list[Measured]:
    """Both halves of one detector's examples."""
    function, ask = DETECTORS[name]
    measured = []
    for part in yaml.safe_load_all((LABELLED / f"{name}.yaml").read_text(encoding="utf-8")):
        positive, negative = _written_out(part["positive"]), _written_out(part["negative"])
        one = Measured(
            function=function,
            half=part.get("half") or ("held out" if part["held_out"] else "tuned on"),
            positive=len(positive),
            negative=len(negative),
        )
        one.missed = [value for value in positive if not ask(value, part)]
        one.alarmed = [value for value in negative if ask(value, part)]
        measured.append(one)
    return measured


def table() -> list[str]:
    """The measured figures as lines of a Markdown table."""
    rows = [part.row for name in DETECTORS for part in measure(name)]
    return [
        "| function | half | positive | negative | precision | recall |",
        "|---|---|--:|--:|--:|--:|",
        *rows,
    ]


def _written_out(value: Any) -> Any:
    if isinstance(value, str):
        plain = value.replace("¦", "")
        return re.sub("⟦64:(.*?)⟧", lambda match: base64.b64encode(match[1].encode()).decode(), plain)
    if isinstance(value, dict):
        return {_written_out(key): _written_out(inner) for key, inner in value.items()}
    return [_written_out(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    names = [name for name in DETECTORS if name in sys.argv] or list(DETECTORS)
    for name in names:
        for part in measure(name):
            print(part.row)  # noqa: T201  # prints its figures when it is run
            if "-v" in sys.argv and part.half == "tuned on":
                print("  missed:", *part.missed, sep="\n    ")  # noqa: T201  # the same
                print("  alarmed:", *part.alarmed, sep="\n    ")  # noqa: T201  # the same

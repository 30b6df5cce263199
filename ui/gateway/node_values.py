"""What a node takes and gives, as it is shown: references followed, secrets masked, long things cut."""

from collections.abc import Mapping
from typing import Any

from blocks.constitution.detectors.secrets import redact_text, redacted
from blocks.errors import SomaError
from blocks.records.tables import NodeRecord
from capsules.binding import Read, open_result
from capsules.references import is_reference, target

LONGEST = 4_000
"""Characters of one text."""
MARGIN = 500
"""What is looked at beyond that, so that no secret is cut in two before it is masked."""
MOST = 60
"""Items of one list, entries of one mapping."""
DEEPEST = 8
ALL = 60_000
"""Characters of everything together."""


class Showing:
    """Shows values until there is no more room; says whether something was left out."""

    def __init__(self, lines: Mapping[str, NodeRecord], read: Read) -> None:
        self.cut = False
        self._lines = lines
        self._read = read
        self._room = ALL

    def inputs(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """A node's inputs, with what other nodes gave in place of references to it."""
        return {name: self._masked(self._resolved(value)) for name, value in spec.items()}

    def result(self, reference: Mapping[str, Any]) -> dict[str, Any]:
        """A node's outputs."""
        found = self._opened(dict(reference), "")
        return {str(name): self._masked(value) for name, value in found.items()}

    def _masked(self, value: Any) -> Any:
        return redacted(self._shortened(value, 0))

    def _resolved(self, value: Any) -> Any:
        if is_reference(value):
            node, path = target(value["$from"])
            line = self._lines.get(node)
            if line is None or line.state != "completed" or line.result is None:
                return {"pending": ".".join([node, *map(str, path)])}
            return self._opened(line.result, path)
        if isinstance(value, dict):
            if "$result" in value:
                return self._opened(value["$result"], value.get("path", ""))
            return {name: self._resolved(item) for name, item in value.items()}
        return [self._resolved(item) for item in value] if isinstance(value, list) else value

    def _opened(self, reference: dict[str, Any], path: Any) -> Any:
        try:
            return open_result(reference, path, self._read)
        except SomaError as error:
            return {"missing": error.message}

    def _shortened(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict | list) and (depth >= DEEPEST or self._room <= 0):
            self.cut = True
            return "…"
        if isinstance(value, dict):
            kept = list(value.items())[:MOST]
            self.cut |= len(kept) < len(value)
            return {self._text(str(name)): self._shortened(item, depth + 1) for name, item in kept}
        if isinstance(value, list):
            self.cut |= len(value) > MOST
            return [self._shortened(item, depth + 1) for item in value[:MOST]]
        return value

    def _text(self, text: str) -> str:
        most = max(min(LONGEST, self._room), 0)
        self._room -= min(len(text), most)
        if len(text) <= most:
            return text
        self.cut = True
        return f"{redact_text(text[: most + MARGIN])[:most]}…"

"""The variable `data` of an action: where its values come from, found out when an article reads it."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from blocks.provenance.trail import Trail

_NAMES = ("labels", "arguments", "seen")


class DataFacts(Mapping[str, Any]):
    """`labels`, `arguments` and `seen` of one action as of now; nothing is looked up before it is read."""

    def __init__(self, trail: Trail, arguments: Mapping[str, Any]) -> None:
        self._trail = trail
        self._given = arguments
        self._seen = trail.seen

    def __getitem__(self, name: str) -> Any:
        if name == "seen":
            return sorted(self._seen)
        if name == "arguments":
            return self._labels
        if name == "labels":
            return sorted({label for labels in self._labels.values() for label in labels})
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)

    @property
    def computed(self) -> bool:
        """Whether somebody has read where the values come from; the audit log keeps no more than that."""
        return "_labels" in self.__dict__

    @property
    def trail_labels(self) -> frozenset[str]:
        """The labels that any value may carry, without looking one up."""
        return self._seen

    @cached_property
    def _labels(self) -> dict[str, list[str]]:
        return self._trail.labels_of(self._given)

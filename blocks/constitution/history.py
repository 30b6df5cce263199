"""What happened before in a project, as far as articles may ask about it."""

import math
import time
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any

from blocks.constitution.globs import like

MOST_TIMES = 10_000
"""How many recent actions keep their time; older ones are only counted."""
MOST_NAMES = 10_000
"""How many different (stage, action) pairs are counted by name; the rest only under `OTHERS`."""
OTHERS = "*"
"""What every glob is taken to fit, so that a flood of names hides nothing from a restriction."""
MOST_LABELS = 1_000
"""When there are more, `saw` answers yes to everything."""
LET_THROUGH = frozenset({"allow", "warn", "redact"})


class History:
    """Counts of earlier actions; threads may add and ask at once."""

    def __init__(self) -> None:
        self._let_through: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()
        self._recent: list[tuple[float, str, str]] = []
        """In the order of their times: what other nodes did becomes known later."""
        self._labels: set[str] = set()
        self._lock = Lock()
        self._past: tuple[History, History] | None = None

    def stand_on(self, past: "History", own: "History") -> None:
        """Count from now on what is in `past` too, but for what is in `own`: that is in this one already."""
        self._past = past, own

    @classmethod
    def of(cls, value: Any, now: datetime | float | None = None) -> "History":
        """A history as it is, or one of a list of `{stage, action, verdict?, ago_seconds?, labels?}`."""
        if isinstance(value, History):
            return value
        history = cls()
        moment = _seconds(now)
        for item in value or ():
            history.add(
                item["stage"],
                item["action"],
                item.get("verdict", "allow"),
                moment - float(item.get("ago_seconds", 0)),
                item.get("labels", ()),
            )
        return history

    def add(
        self,
        stage: str,
        action: str,
        verdict: str = "allow",
        at: datetime | float | None = None,
        labels: Iterable[str] = (),
    ) -> None:
        """Remember one decided action; `approve` and `deny` count as refused."""
        with self._lock:
            counted = self._let_through if verdict in LET_THROUGH else self._refused
            known = (stage, action) in counted or len(counted) < MOST_NAMES
            counted[stage, action if known else OTHERS] += 1
            if verdict in LET_THROUGH:
                insort(self._recent, (_seconds(at), stage, action))
                del self._recent[:-MOST_TIMES]
                if len(self._labels) < MOST_LABELS:
                    self._labels.update(labels)

    def count(self, stage: str, glob: str) -> int:
        """How many such actions were let through."""
        with self._lock:
            here = _fitting(self._let_through, stage, glob)
        return here + self._beyond(lambda history: history.count(stage, glob))

    def refused(self, stage: str, glob: str) -> int:
        """How many such actions were refused, or wait for people."""
        with self._lock:
            here = _fitting(self._refused, stage, glob)
        return here + self._beyond(lambda history: history.refused(stage, glob))

    def count_within(self, stage: str, glob: str, seconds: float, now: datetime | float | None = None) -> int:
        """How many such actions were let through in the last seconds, of the last 10,000."""
        since = _seconds(now) - seconds
        with self._lock:
            recent = self._recent[bisect_left(self._recent, (since,)) :]
        here = sum(kind == stage and like(name, glob) for _, kind, name in recent)
        return here + self._beyond(lambda history: history.count_within(stage, glob, seconds, now))

    def saw(self, label: str) -> bool:
        """Whether an earlier action that was let through carried the label."""
        with self._lock:
            here = label in self._labels or len(self._labels) >= MOST_LABELS
        return here or (self._past is not None and self._past[0].saw(label))

    def as_json(self, now: datetime | float | None = None) -> list[dict[str, Any]]:
        """The recent actions in the form that `of` reads."""
        moment = _seconds(now)
        return [
            {"stage": stage, "action": action, "ago_seconds": max(0.0, moment - at)}
            for at, stage, action in self._times()
        ]

    def _times(self) -> list[tuple[float, str, str]]:
        with self._lock:
            here = list(self._recent)
        if self._past is None:
            return here
        every, own = self._past
        others = Counter(every._times()) - Counter(own._times())  # noqa: SLF001  # another history
        return sorted([*here, *others.elements()])

    def _beyond(self, ask: Callable[["History"], int]) -> int:
        """How many of those asked for are in the past and not in this history."""
        if self._past is None:
            return 0
        every, own = self._past
        return max(0, ask(every) - ask(own))


def _fitting(counted: Mapping[tuple[str, str], int], stage: str, glob: str) -> int:
    return sum(
        number
        for (kind, name), number in counted.items()
        if kind == stage and (name == OTHERS or like(name, glob))
    )


def _seconds(moment: datetime | float | None) -> float:
    if isinstance(moment, datetime):
        return moment.timestamp()
    if moment is None:
        return time.time()
    return moment if math.isfinite(moment) else 0.0

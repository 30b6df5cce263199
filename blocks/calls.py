"""Which calls an attempt has made, so that equal ones can be told apart in the same way each time."""

import threading
from collections import Counter


class Calls:
    """Counts equal calls, safely from several threads."""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()
        self._numbers: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def number(self, call: str, run: str | None = None) -> int:
        """The how-manieth call with this digest it is, from 1; a run that is repeated keeps its number."""
        with self._lock:
            if run is not None and (call, run) in self._numbers:
                return self._numbers[call, run]
            self._made[call] += 1
            if run is not None:
                self._numbers[call, run] = self._made[call]
            return self._made[call]

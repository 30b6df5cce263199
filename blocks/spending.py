"""What a node has used up of its budget in this process."""

import threading
import time
from collections import Counter


class Spending:
    """Counts, safely from several threads; the clock starts when it is made."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def charge(self, what: str, limit: float) -> bool:
        """Takes one, or says no because the limit is reached."""
        with self._lock:
            if self._used[what] + 1 > limit:
                return False
            self._used[what] += 1
            return True

    def refund(self, what: str) -> None:
        with self._lock:
            self._used[what] -= 1

    def used(self, what: str) -> int:
        return self._used[what]

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

import time


class Deadline:
    """A time budget that long work asks about as it goes."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._end

    @property
    def left(self) -> float:
        """The seconds that remain, never below zero."""
        return max(0.0, self._end - time.monotonic())

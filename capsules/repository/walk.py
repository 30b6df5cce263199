import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from capsules.repository.analysis import Coverage
from capsules.repository.checkout import Checkout, SourceFile


@dataclass(kw_only=True)
class Walk:
    """Reads the wanted files of a checkout one at a time, within a time budget, and counts the rest."""

    checkout: Checkout
    wanted: Callable[[SourceFile], object] = bool
    """Files that are none of the capsule's business are not counted at all."""
    refused: Callable[[SourceFile], str | None] = lambda file: "binary" if file.binary else None
    """The reason for which a wanted file is skipped, or None."""
    limit: int = 1_000_000
    """The size in bytes above which a file is skipped."""
    seconds: float = 600
    examined: int = 0
    total: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    _started: float = field(default_factory=time.monotonic)

    @property
    def out_of_time(self) -> bool:
        return time.monotonic() - self._started > self.seconds

    def __iter__(self) -> Iterator[tuple[SourceFile, bytes]]:
        for file in self.checkout.files():
            if not self.wanted(file):
                continue
            self.total += 1
            reason = "time budget spent" if self.out_of_time else self._refusal(file)
            content = None if reason else self.checkout.read(file.raw, self.limit)
            if content is None:
                self.skipped[reason or "unreadable"] += 1
                continue
            self.examined += 1
            yield file, content

    def skip(self, reason: str) -> None:
        """Count the file that was just handed out as skipped after all."""
        self.examined -= 1
        self.skipped[reason] += 1

    @property
    def coverage(self) -> Coverage:
        return Coverage(examined=self.examined, total=self.total, skipped=dict(sorted(self.skipped.items())))

    def notes(self) -> list[str]:
        """What a reader must know about the files that were not examined."""
        left = self.skipped["time budget spent"]
        if not left:
            return []
        spent = f"The {self.seconds:.0f} s allowed were spent"
        return [f"{spent}: {left:,} of {self.total:,} files are not examined."]

    def _refusal(self, file: SourceFile) -> str | None:
        if file.size > self.limit:
            return f"larger than {self.limit:,} bytes"
        return self.refused(file)

"""Radon's maintainability index of the Python sources."""

from dataclasses import dataclass

from radon.metrics import mi_visit

from capsules.repository.analysis import Coverage
from capsules.repository.apart import Apart
from capsules.repository.checkout import Checkout
from capsules.repository.deadline import Deadline
from capsules.repository.functions import LARGEST
from capsules.repository.roles import looks_generated, role_of


@dataclass(frozen=True, kw_only=True)
class Maintainability:
    """From 100 (easy) to 0 by file."""

    indices: dict[str, float]
    coverage: Coverage


def read_maintainability(checkout: Checkout, seconds: float) -> Maintainability:
    """Compute the index of each Python source, in a child process because parsers can be made to crash."""
    deadline, total, indices, skipped = Deadline(seconds), 0, dict[str, float](), dict[str, int]()
    with Apart("capsules.library.quality.maintainability.measure_index") as apart:
        for file in checkout.files():
            if file.language != "Python" or file.binary or role_of(file.path) != "source":
                continue
            total += 1
            content = checkout.read(file.raw, LARGEST)
            index: float | str | None = "out of time"
            if content is None or looks_generated(content):
                index = "generated" if content else "larger than 400 kB"
            elif not deadline.passed:
                index = apart.call(file.path, content)
            if isinstance(index, float | int):
                indices[file.path] = index
            else:
                skipped[index or "not parsed"] = skipped.get(index or "not parsed", 0) + 1
    return Maintainability(
        indices=indices, coverage=Coverage(examined=len(indices), total=total, skipped=skipped)
    )


def measure_index(path: str, content: bytes) -> float:
    """The index of one file, comments counted as help."""
    del path
    return round(float(mi_visit(content.decode("utf-8"), multi=True)), 1)

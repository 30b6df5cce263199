from dataclasses import dataclass

from capsules.library.hotspots.churn import Churn
from capsules.repository.analysis import Coverage
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.deadline import Deadline
from capsules.repository.functions import COMPLEX, Function, FunctionReader, is_readable
from capsules.repository.languages import kind_of
from capsules.repository.lines import count_lines
from capsules.repository.roles import looks_generated, role_of

_MEASURED = 400
_LINES_A_DECISION = 8
"""Where nothing counts decisions, this many code lines stand for one; about what other languages show."""


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A source file that people change, with how hard it is to change."""

    path: str
    raw: bytes
    commits: int
    authors: int
    changed: int
    """Lines added and removed."""
    lines: int
    complexity: int
    """The sum over its functions, or an estimate from its lines."""
    estimated: bool
    worst: Function | None

    @property
    def weight(self) -> int:
        return self.commits * self.complexity

    @property
    def is_hard(self) -> bool:
        return self.worst is not None and self.worst.complexity > COMPLEX


@dataclass(frozen=True, kw_only=True)
class Ranking:
    spots: list[Spot]
    """The heaviest first."""
    coverage: Coverage


def rank(checkout: Checkout, churn: Churn, seconds: float) -> Ranking:
    """Measure the files that change most, until enough are measured or the time is spent."""
    deadline, spots, skipped = Deadline(seconds), list[Spot](), dict[str, int]()
    files, total = _changed_sources(checkout, churn)
    with FunctionReader() as reader:
        for file in files:
            spot = "out of time" if deadline.passed else _measure(checkout, file, churn, reader)
            if isinstance(spot, str):
                skipped[spot] = skipped.get(spot, 0) + 1
            else:
                spots.append(spot)
    if total > len(files):
        skipped["changed less often"] = total - len(files)
    spots.sort(key=lambda spot: (-spot.weight, spot.path))
    return Ranking(spots=spots, coverage=Coverage(examined=len(spots), total=total, skipped=skipped))


def _changed_sources(checkout: Checkout, churn: Churn) -> tuple[list[SourceFile], int]:
    changed = [
        file
        for file in checkout.files()
        if file.raw in churn.touched
        and not file.binary
        and kind_of(file.language) == "code"
        and role_of(file.path) == "source"
    ]
    changed.sort(key=lambda file: (-churn.touched[file.raw].commits * file.size, file.path))
    return changed[:_MEASURED], len(changed)


def _measure(checkout: Checkout, file: SourceFile, churn: Churn, reader: FunctionReader) -> Spot | str:
    content = checkout.read(file.raw)
    if content is None:
        return "larger than 2 MB"
    if looks_generated(content):
        return "generated"
    lines, touched = count_lines(content, file.language).code, churn.touched[file.raw]
    functions = reader.read(checkout, file) if is_readable(file) else []
    estimated = isinstance(functions, str) or not is_readable(file)
    known = [] if isinstance(functions, str) else functions
    total = sum(function.complexity for function in known)
    return Spot(
        path=file.path,
        raw=file.raw,
        commits=touched.commits,
        authors=len(touched.authors),
        changed=touched.lines,
        lines=lines,
        complexity=lines // _LINES_A_DECISION if estimated else total,
        estimated=estimated,
        worst=max(known, key=lambda function: function.complexity, default=None),
    )

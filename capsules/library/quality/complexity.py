from dataclasses import dataclass, field

from capsules.repository.analysis import Coverage
from capsules.repository.checkout import Checkout
from capsules.repository.deadline import Deadline
from capsules.repository.functions import COMPLEX, Function, FunctionReader, is_readable
from capsules.repository.roles import looks_generated, role_of

BANDS = (5, 10, COMPLEX, 30, 1_000_000)
LONG = 150
"""Above this many code lines a function is too long to be understood at once."""


@dataclass(kw_only=True)
class Complexity:
    """All functions of the source files in sums, and those that are too complex or too long."""

    functions: int = 0
    lines: int = 0
    complex_lines: int = 0
    spread: list[int] = field(default_factory=lambda: [0] * len(BANDS))
    """Functions by band of complexity."""
    hard: list[tuple[str, Function]] = field(default_factory=list)
    """Path and function, the hardest first."""
    coverage: Coverage = field(default_factory=Coverage)


def read_complexity(checkout: Checkout, seconds: float) -> Complexity:
    """Measure every function of the source files until the time is spent."""
    found, deadline, total, skipped = Complexity(), Deadline(seconds), 0, dict[str, int]()
    with FunctionReader() as reader:
        for file in checkout.files():
            if file.binary or not is_readable(file) or role_of(file.path) != "source":
                continue
            total += 1
            functions: list[Function] | str = "out of time"
            if not deadline.passed:
                head = checkout.read(file.raw)
                generated = head is not None and looks_generated(head)
                functions = "generated" if generated else reader.read(checkout, file)
            if isinstance(functions, str):
                skipped[functions] = skipped.get(functions, 0) + 1
            else:
                _add(found, file.path, functions)
    found.hard.sort(key=lambda entry: (-entry[1].complexity, -entry[1].code, entry[0], entry[1].line))
    found.coverage = Coverage(examined=total - sum(skipped.values()), total=total, skipped=skipped)
    return found


def _add(found: Complexity, path: str, functions: list[Function]) -> None:
    for function in functions:
        found.functions += 1
        found.lines += function.code
        band = next(at for at, most in enumerate(BANDS) if function.complexity <= most)
        found.spread[band] += 1
        if function.complexity > COMPLEX:
            found.complex_lines += function.code
        if function.complexity > COMPLEX or function.code > LONG:
            found.hard.append((path, function))

"""How the score comes about: the mean of up to four parts, each of which loses points for what was found."""

from dataclasses import dataclass

from capsules.library.quality.complexity import Complexity
from capsules.library.quality.duplication import Duplication
from capsules.library.quality.findings import is_serious, is_style
from capsules.library.quality.lint import Lint
from capsules.library.quality.maintainability import Maintainability

LOW_INDEX = 20
_COMPLEX_COST, _COPY_COST, _PROBLEM_COST, _INDEX_COST = 2.5, 4, 3, 2
_SERIOUS_COST, _SERIOUS_MOST = 5, 30


@dataclass(frozen=True, kw_only=True)
class Score:
    value: int | None
    note: str


def score(
    complexity: Complexity, duplication: Duplication, lint: Lint, maintainability: Maintainability
) -> Score:
    """Weigh what could be measured; None when nothing could."""
    parts = {
        name: part
        for name, part in (
            ("simple functions", _complexity(complexity)),
            ("no copies", _copies(duplication)),
            ("no likely mistakes", _mistakes(lint, duplication.lines)),
            ("maintainable files", _indices(maintainability)),
        )
        if part is not None
    }
    if not parts:
        return Score(value=None, note="nothing to score")
    serious = sum(is_serious(problem) for problem in lint.problems)
    loss = min(_SERIOUS_MOST, _SERIOUS_COST * serious)
    value = max(0, round(sum(parts.values()) / len(parts) - loss))
    named = ", ".join(f"{name} {round(part)}" for name, part in parts.items())
    return Score(
        value=value, note=f"mean of {named}" + (f", less {loss} for serious problems" if loss else "")
    )


def _complexity(complexity: Complexity) -> float | None:
    if not complexity.lines:
        return None
    return max(0.0, 100 - _COMPLEX_COST * 100 * complexity.complex_lines / complexity.lines)


def _copies(duplication: Duplication) -> float | None:
    if not duplication.lines:
        return None
    return max(0.0, 100 - _COPY_COST * 100 * duplication.copied / duplication.lines)


def _mistakes(lint: Lint, lines: int) -> float | None:
    if not lint.coverage.examined or not lines:
        return None
    likely = sum(not is_style(problem) for problem in lint.problems)
    return max(0.0, 100 - _PROBLEM_COST * 1000 * likely / lines)


def _indices(maintainability: Maintainability) -> float | None:
    indices = maintainability.indices.values()
    if not indices:
        return None
    return max(0.0, 100 - _INDEX_COST * 100 * sum(index < LOW_INDEX for index in indices) / len(indices))

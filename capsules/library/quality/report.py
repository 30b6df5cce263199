from collections.abc import Iterable
from importlib.metadata import version

from capsules.library.quality.complexity import BANDS, Complexity
from capsules.library.quality.duplication import Duplication
from capsules.library.quality.findings import (
    block_findings,
    function_findings,
    index_findings,
    is_serious,
    is_style,
    lint_findings,
)
from capsules.library.quality.lint import Lint
from capsules.library.quality.maintainability import Maintainability
from capsules.library.quality.score import LOW_INDEX, Score, score
from capsules.repository.analysis import Analysis, Coverage, Finding, Metric, Plot, Table
from capsules.repository.functions import COMPLEX

_TOP = 20


def describe(
    complexity: Complexity, duplication: Duplication, lint: Lint, maintainability: Maintainability
) -> Analysis:
    """Put the four views together."""
    result = score(complexity, duplication, lint, maintainability)
    if result.value is None:
        headline = "No source code in a language that can be measured: nothing to examine."
        return Analysis(capsule="quality", title="Code quality", headline=headline).bounded()
    return Analysis(
        capsule="quality",
        title="Code quality",
        score=result.value,
        headline=_headline(complexity, duplication, lint),
        metrics=_metrics(complexity, duplication, lint, maintainability, result),
        findings=_findings(complexity, duplication, lint, maintainability),
        tables=[table for table in (_functions(complexity), _blocks(duplication)) if table.rows],
        plots=[_spread(complexity)] if complexity.functions else [],
        coverage=_coverage(complexity, duplication, lint),
        notes=_notes(complexity, duplication, lint, maintainability),
        tools={name: version(name) for name in ("lizard", "radon", "ruff")},
    ).bounded()


def _headline(complexity: Complexity, duplication: Duplication, lint: Lint) -> str:
    over = sum(complexity.spread[BANDS.index(COMPLEX) + 1 :])
    said = [f"{over:,} of {complexity.functions:,} functions have a complexity above {COMPLEX}"]
    if complexity.hard:
        path, function = complexity.hard[0]
        said[0] += f", the hardest is {function.name} in {path} ({function.complexity})"
    said.append(f"{_share(duplication):.1f} % of the code lines are copies")
    serious = sum(is_serious(problem) for problem in lint.problems)
    if serious:
        said.append(f"{serious:,} place{'s' if serious > 1 else ''} in Python cannot work as written")
    return "; ".join(said) + "."


def _share(duplication: Duplication) -> float:
    return 100 * duplication.copied / duplication.lines if duplication.lines else 0.0


def _metrics(
    complexity: Complexity,
    duplication: Duplication,
    lint: Lint,
    maintainability: Maintainability,
    result: Score,
) -> list[Metric]:
    over = sum(complexity.spread[BANDS.index(COMPLEX) + 1 :])
    likely = sum(not is_style(problem) for problem in lint.problems)
    low = sum(index < LOW_INDEX for index in maintainability.indices.values())
    metrics = [
        Metric(name="score", value=result.value or 0, note=result.note),
        Metric(
            name="functions", value=complexity.functions, note="in source files, tests and examples left out"
        ),
        Metric(name=f"functions of complexity above {COMPLEX}", value=over, note=_lines_note(complexity)),
        Metric(
            name="copied lines",
            value=round(_share(duplication), 1),
            unit="%",
            note=f"{duplication.copied:,} of {duplication.lines:,} code lines, in blocks of 10 or more",
        ),
    ]
    if lint.coverage.examined:
        metrics.append(
            Metric(name="likely mistakes", value=likely, note="by ruff, Python only, style left out")
        )
    if maintainability.indices:
        note = f"radon's index, Python only, {len(maintainability.indices):,} files"
        metrics.append(Metric(name=f"files with a maintainability below {LOW_INDEX}", value=low, note=note))
    return metrics


def _lines_note(complexity: Complexity) -> str:
    share = 100 * complexity.complex_lines / complexity.lines if complexity.lines else 0
    return f"they hold {share:.1f} % of the lines in functions"


def _findings(
    complexity: Complexity, duplication: Duplication, lint: Lint, maintainability: Maintainability
) -> list[Finding]:
    low = ((path, index) for path, index in maintainability.indices.items() if index < LOW_INDEX)
    return [
        *lint_findings(lint.problems),
        *function_findings(complexity.hard),
        *index_findings(low),
        *block_findings(duplication.blocks),
    ]


def _functions(complexity: Complexity) -> Table:
    return Table(
        title="Hardest functions",
        columns=["function", "file", "line", "complexity", "code lines", "parameters"],
        rows=[
            [function.name, path, function.line, function.complexity, function.code, function.parameters]
            for path, function in complexity.hard[:_TOP]
        ],
    )


def _blocks(duplication: Duplication) -> Table:
    return Table(
        title="Largest copied blocks",
        columns=["code lines", "places", "first", "second"],
        rows=[
            [block.lines, len(block.places), *(f"{place.path}:{place.first}" for place in block.places[:2])]
            for block in duplication.blocks[:_TOP]
        ],
    )


def _spread(complexity: Complexity) -> Plot:
    lower = [1, *(most + 1 for most in BANDS[:-1])]
    labels = [f"{low}-{most}" for low, most in zip(lower[:-1], BANDS[:-1], strict=True)] + [
        f"over {BANDS[-2]}"
    ]
    return Plot(
        kind="bar",
        title="Functions by cyclomatic complexity",
        x_label="complexity",
        y_label="functions",
        labels=labels,
        series={"functions": [float(number) for number in complexity.spread]},
    )


def _coverage(*parts: Complexity | Duplication | Lint) -> Coverage:
    """That of the part that had most files to look at."""
    return max((part.coverage for part in parts), key=lambda coverage: (coverage.total, coverage.examined))


def _notes(
    complexity: Complexity, duplication: Duplication, lint: Lint, maintainability: Maintainability
) -> list[str]:
    late: Iterable[tuple[str, Coverage]] = (
        ("complexity", complexity.coverage),
        ("copies", duplication.coverage),
        ("ruff", lint.coverage),
        ("maintainability", maintainability.coverage),
    )
    notes = [
        f"The time for {name} ended, {coverage.skipped['out of time']:,} of {coverage.total:,} files unread."
        for name, coverage in late
        if coverage.skipped.get("out of time")
    ]
    unparsed = maintainability.coverage.skipped.get("not parsed", 0)
    if unparsed:
        notes.append(f"{unparsed:,} Python files could not be parsed for the maintainability index.")
    crashed = lint.coverage.skipped.get("not read by ruff", 0)
    if crashed:
        notes.append(f"{crashed:,} Python files made ruff crash and were not checked by it.")
    if lint.coverage.total:
        notes.append("Ruff ran with rules of its own choice; `noqa` comments in the code were respected.")
    return notes

from capsules.library.tests.reading import TestReading
from capsules.repository.analysis import Analysis, Finding, Metric, Plot, Table

_ENOUGH = 0.6
"""Test lines for each source line from which on more lines say nothing more."""
_FEW = 0.2
_NAMED, _TOP = 8, 20
_WEIGHTS = {"amount of tests": 40, "run by CI": 30, "modules mentioned": 20, "coverage measured": 10}


def describe(reading: TestReading) -> Analysis:
    """Put tests, CI and coverage together."""
    if not reading.source_lines and not reading.tests:
        headline = "No source code: there is nothing to test."
        return Analysis(
            capsule="tests", title="Tests and CI", headline=headline, coverage=reading.coverage
        ).bounded()
    parts = _parts(reading)
    score = round(
        sum(_WEIGHTS[name] * part for name, part in parts.items()) / sum(_WEIGHTS[name] for name in parts)
    )
    named = ", ".join(f"{name} {round(part)} (weight {_WEIGHTS[name]})" for name, part in parts.items())
    return Analysis(
        capsule="tests",
        title="Tests and CI",
        score=score,
        headline=_headline(reading),
        metrics=[Metric(name="score", value=score, note=f"weighted mean of {named}"), *_metrics(reading)],
        findings=[finding for finding in _findings(reading) if finding],
        tables=[table for table in (_modules(reading), _ci(reading)) if table.rows],
        plots=[_plot(parts)],
        coverage=reading.coverage,
        notes=_notes(reading),
    ).bounded()


def _parts(reading: TestReading) -> dict[str, float]:
    evidence = reading.evidence
    runs = 100.0 if evidence.ci_runs_tests else 30.0 if evidence.ci else 0.0
    parts = {
        "amount of tests": 100 * min(1.0, _ratio(reading) / _ENOUGH),
        "run by CI": runs if reading.tests else 0.0,
        "coverage measured": 100.0 if evidence.coverage and reading.tests else 0.0,
    }
    if reading.modules:
        parts["modules mentioned"] = 100 * (1 - len(reading.unmentioned) / len(reading.modules))
    return parts


def _ratio(reading: TestReading) -> float:
    """Test lines for each source line; where tests stand inside the sources, their number counts."""
    if reading.source_lines == 0:
        return _ENOUGH if reading.tests else 0.0
    lines = reading.test_lines if reading.test_files else 0
    return max(lines, 8 * reading.tests.total() if not reading.test_files else 0) / reading.source_lines


def _headline(reading: TestReading) -> str:
    if not reading.tests:
        return f"No tests were found beside {reading.source_lines:,} lines of code."
    total = reading.tests.total()
    frameworks = _listed(sorted(reading.evidence.frameworks)) or "no framework that is known"
    said = f"{_count(total, 'test')} in {_count(reading.test_files, 'file')} with {frameworks}"
    services, one = _listed(sorted(reading.evidence.ci)), len(reading.evidence.ci) == 1
    if not services:
        said += "; no CI is configured to run them"
    elif reading.evidence.ci_runs_tests:
        said += f"; {services} {'runs' if one else 'run'} them"
    else:
        said += f"; {services} {'does' if one else 'do'} not seem to run them"
    if reading.unmentioned:
        said += f"; no test mentions {len(reading.unmentioned):,} of {len(reading.modules):,} Python modules"
    return said + "."


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _listed(words: list[str]) -> str:
    return " and ".join(words) if len(words) < 3 else ", ".join(words[:-1]) + " and " + words[-1]


def _metrics(reading: TestReading) -> list[Metric]:
    evidence = reading.evidence
    by_language = ", ".join(f"{number:,} {language}" for language, number in reading.tests.most_common())
    return [
        Metric(name="tests", value=reading.tests.total(), note=by_language),
        Metric(name="test files", value=reading.test_files),
        Metric(
            name="test lines for each source line",
            value=round(reading.test_lines / reading.source_lines, 2) if reading.source_lines else 0,
            note=f"{reading.test_lines:,} to {reading.source_lines:,} code lines",
        ),
        Metric(name="skipped or expected to fail", value=reading.skipped_tests),
        Metric(name="frameworks", value=", ".join(sorted(evidence.frameworks)) or "none known"),
        Metric(name="CI", value=", ".join(sorted(evidence.ci)) or "none", note=evidence.ci_runs_tests or ""),
        Metric(
            name="coverage",
            value="measured" if evidence.coverage else "not measured",
            note=(evidence.coverage or "")
            + (f", the build fails below {evidence.threshold} %" if evidence.threshold else ""),
        ),
    ]


def _findings(reading: TestReading) -> list[Finding | None]:
    if not reading.tests:
        return [_no_tests(reading)]
    return [
        _few_tests(reading),
        _no_ci(reading),
        _idle_ci(reading),
        _unmentioned(reading),
        _no_coverage(reading),
    ]


def _no_tests(reading: TestReading) -> Finding:
    return Finding.of(
        "tests.none",
        title="There are no tests",
        severity="high",
        detail=f"{reading.source_lines:,} lines of code have nothing that says whether they still work.",
        advice="Begin with a test of the most used path, then one for each defect that is mended.",
        effort="days",
    )


def _few_tests(reading: TestReading) -> Finding | None:
    ratio = _ratio(reading)
    if ratio >= _FEW:
        return None
    return Finding.of(
        "tests.few",
        title=f"Only {ratio:.2f} lines of tests for each line of code",
        severity="medium",
        detail=f"{reading.test_lines:,} test lines, {reading.source_lines:,} source lines.",
        advice="Test first what changes most often; the hotspots say which files these are.",
        effort="days",
    )


def _no_ci(reading: TestReading) -> Finding | None:
    if reading.evidence.ci:
        return None
    return Finding.of(
        "tests.no-ci",
        title="No CI is configured",
        severity="medium",
        detail="Nothing in the repository runs the tests on every change.",
        advice="Add a workflow that runs them on each push and pull request.",
    )


def _idle_ci(reading: TestReading) -> Finding | None:
    if not reading.evidence.ci or reading.evidence.ci_runs_tests:
        return None
    files = [path for paths in reading.evidence.ci.values() for path in paths]
    return Finding.of(
        "tests.ci-without-tests",
        path=files[0],
        title="CI does not seem to run the tests",
        severity="medium",
        detail="No command that runs tests was recognised in " + ", ".join(files[:_NAMED]) + ".",
        advice="Add the step that runs them, unless a script that is called here does.",
    )


def _unmentioned(reading: TestReading) -> Finding | None:
    if not reading.unmentioned:
        return None
    share = len(reading.unmentioned) / len(reading.modules)
    named = ", ".join(f"{module.path} ({module.lines:,} lines)" for module in reading.unmentioned[:_NAMED])
    more = len(reading.unmentioned) - _NAMED
    return Finding.of(
        "tests.unmentioned-modules",
        title=f"No test mentions {len(reading.unmentioned):,} of {len(reading.modules):,} Python modules",
        severity="medium" if share > 0.5 else "low",
        detail=f"Largest: {named}" + (f" and {more:,} more." if more > 0 else "."),
        advice="They may be reached through others; see with a coverage run, then test the largest by name.",
        effort="days",
    )


def _no_coverage(reading: TestReading) -> Finding | None:
    if reading.evidence.coverage:
        return None
    return Finding.of(
        "tests.no-coverage",
        title="Test coverage is not measured",
        severity="info",
        detail="No configuration of a coverage tool was found.",
        advice="Measure it in CI; what matters is which important code no test reaches.",
    )


def _modules(reading: TestReading) -> Table:
    return Table(
        title="Python modules that no test mentions",
        columns=["module", "code lines", "public names"],
        rows=[
            [module.path, module.lines, ", ".join(sorted(module.names)[:5])]
            for module in reading.unmentioned[:_TOP]
        ],
    )


def _ci(reading: TestReading) -> Table:
    rows = [(service, path) for service, paths in sorted(reading.evidence.ci.items()) for path in paths]
    return Table(title="CI files", columns=["service", "file"], rows=[[*row] for row in rows[:_TOP]])


def _plot(parts: dict[str, float]) -> Plot:
    return Plot(
        kind="barh",
        title="Parts of the test score",
        x_label="% reached",
        labels=list(parts),
        series={"reached": [round(part, 1) for part in parts.values()]},
    )


def _notes(reading: TestReading) -> list[str]:
    notes = ["No test was run: nothing of the repository is executed."]
    late = reading.coverage.skipped.get("out of time", 0)
    if late:
        notes.append(f"The time ran out: {late:,} files were not read.")
    return notes

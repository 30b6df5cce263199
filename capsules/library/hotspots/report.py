from importlib.metadata import version

from capsules.library.hotspots.churn import Churn, coupled
from capsules.library.hotspots.ranking import Ranking, Spot
from capsules.repository.analysis import Analysis, Finding, Metric, Plot, Table
from capsules.repository.checkout import shown
from capsules.repository.functions import COMPLEX

_SHOWN = 20
_PLOTTED = 60
_REPORTED = 10
_OFTEN = 8
_HEAVY = 50
_FEW_COMMITS = 10
_TOGETHER, _SHARE = 8, 0.6


def describe(churn: Churn, ranking: Ranking) -> Analysis:
    """Put churn and complexity together."""
    if churn.commits < _FEW_COMMITS or not ranking.spots:
        return _nothing(churn, ranking)
    score = _score(ranking.spots)
    return Analysis(
        capsule="hotspots",
        title="Hotspots",
        score=score,
        headline=_headline(churn, ranking.spots),
        metrics=_metrics(churn, ranking, score),
        findings=_findings(churn, ranking.spots),
        tables=[table for table in (_table(ranking.spots), _coupling(churn, ranking.spots)) if table.rows],
        plots=[_plot(churn, ranking.spots)],
        coverage=ranking.coverage,
        notes=_notes(churn, ranking),
        tools={"lizard": version("lizard")},
    ).bounded()


def _nothing(churn: Churn, ranking: Ranking) -> Analysis:
    why = (
        f"the history has {churn.commits} commit{'' if churn.commits == 1 else 's'}"
        if churn.commits < _FEW_COMMITS
        else "no source file was changed"
    )
    return Analysis(
        capsule="hotspots",
        title="Hotspots",
        headline=f"Nothing to rank: {why}.",
        coverage=ranking.coverage,
        notes=_notes(churn, ranking),
    ).bounded()


def _window(churn: Churn) -> str:
    return f"in the last {churn.months} months" if churn.months else "in the whole history"


def _score(spots: list[Spot]) -> int:
    changes = sum(spot.commits for spot in spots)
    return round(100 * sum(spot.commits for spot in spots if not spot.is_hard) / changes)


def _headline(churn: Churn, spots: list[Spot]) -> str:
    hard = [spot for spot in spots if spot.is_hard]
    share = 100 - _score(spots)
    if not hard:
        busiest = max(spots, key=lambda spot: spot.commits)
        return (
            f"No file that changed {_window(churn)} has a function of complexity above {COMPLEX}; "
            f"{busiest.path} changed most, in {busiest.commits:,} of {churn.commits:,} commits."
        )
    top = hard[0]
    files = "1 file" if len(hard) == 1 else f"{len(hard)} files"
    return (
        f"{share} % of the changes to source files {_window(churn)} went into {files} with a function of "
        f"complexity above {COMPLEX}; first of them is {top.path}: {top.commits:,} commits, "
        f"complexity {top.complexity:,}."
    )


def _metrics(churn: Churn, ranking: Ranking, score: int) -> list[Metric]:
    spots = ranking.spots
    return [
        Metric(
            name="score",
            value=score,
            note=f"percentage of changes {_window(churn)} to source files without a function above {COMPLEX}",
        ),
        Metric(name="commits", value=churn.commits, note=f"{_window(churn)}, merges not counted twice"),
        Metric(name="source files changed", value=ranking.coverage.total),
        Metric(
            name="hard files changed",
            value=sum(spot.is_hard for spot in spots),
            note=f"with a function of cyclomatic complexity above {COMPLEX}",
        ),
    ]


def _findings(churn: Churn, spots: list[Spot]) -> list[Finding]:
    worth = [spot for spot in spots if spot.commits >= _OFTEN and (spot.is_hard or spot.complexity >= _HEAVY)]
    return [_finding(churn, spot, place) for place, spot in enumerate(worth[:_REPORTED])]


def _finding(churn: Churn, spot: Spot, place: int) -> Finding:
    people = "1 person" if spot.authors == 1 else f"{spot.authors} people"
    detail = (
        f"{spot.commits:,} of {churn.commits:,} commits {_window(churn)} by {people} touched its "
        f"{spot.lines:,} code lines; complexity {'about ' if spot.estimated else ''}{spot.complexity:,}."
    )
    if spot.worst:
        worst = spot.worst
        detail += f" Hardest function: {worst.name}, complexity {worst.complexity}, {worst.code} code lines."
    return Finding.of(
        "hotspots.file",
        path=spot.path,
        line=spot.worst.line if spot.worst and spot.is_hard else None,
        title=f"{spot.path} is changed often and hard to change",
        severity="medium" if place < 3 and spot.is_hard else "low",  # the first three are where to begin
        detail=detail,
        advice="Begin refactoring here: split the hardest function, or move out what changes most often.",
        effort="days",
    )


def _table(spots: list[Spot]) -> Table:
    return Table(
        title="Files by commits x complexity",
        columns=[
            "file",
            "commits",
            "authors",
            "lines changed",
            "code lines",
            "complexity",
            "hardest function",
        ],
        rows=[
            [
                spot.path,
                spot.commits,
                spot.authors,
                spot.changed,
                spot.lines,
                f"about {spot.complexity}" if spot.estimated else spot.complexity,
                f"{spot.worst.name} ({spot.worst.complexity})" if spot.worst else None,
            ]
            for spot in spots[:_SHOWN]
        ],
    )


def _coupling(churn: Churn, spots: list[Spot]) -> Table:
    pairs = coupled(churn, {spot.raw for spot in spots}, together=_TOGETHER, share=_SHARE)
    return Table(
        title="Files that change together",
        columns=["file", "changes with", "commits together", "% of the rarer one's"],
        rows=[
            [shown(first), shown(second), times, round(100 * share)]
            for first, second, times, share in pairs[:_SHOWN]
            if _stem(first) != _stem(second)
        ],
    )


def _stem(raw: bytes) -> bytes:
    """A header and its implementation have the same one, and change together by nature."""
    return raw.rpartition(b"/")[2].partition(b".")[0]


def _plot(churn: Churn, spots: list[Spot]) -> Plot:
    points = spots[:_PLOTTED]
    return Plot(
        kind="scatter",
        title=f"Change and complexity of source files {_window(churn)}",
        x_label="commits",
        y_label="cyclomatic complexity, summed",
        labels=[spot.path for spot in points],
        series={
            "x": [float(spot.commits) for spot in points],
            "y": [float(spot.complexity) for spot in points],
        },
    )


def _notes(churn: Churn, ranking: Ranking) -> list[str]:
    notes = []
    if churn.months is None:
        notes.append("The last 12 months saw fewer than 20 commits, so the whole history was counted.")
    if not churn.complete:
        notes.append(f"The time for the history ran out after {churn.commits:,} commits, the newest ones.")
    late = ranking.coverage.skipped.get("out of time", 0)
    if late:
        notes.append(f"The time for measuring ran out: {late:,} changed files were not measured.")
    if any(spot.estimated for spot in ranking.spots):
        notes.append("Where no tool counts decisions, complexity is estimated as one for every 8 code lines.")
    return notes

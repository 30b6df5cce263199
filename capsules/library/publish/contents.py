"""What the report shows, bounded: everything is in `findings.json`, a page must stay readable."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from capsules.library.publish.drawing import draw, named_points
from capsules.library.publish.provenance import Provenance
from capsules.library.synthesis.result import AreaScore, Synthesis
from capsules.repository.analysis import Analysis, Finding, Plot, Table
from capsules.repository.checkout import Checkout

MOST_FINDINGS = 40
MOST_ROWS = 25
MOST_PLOTS = 4
MOST_TABLES = 6
LEAST_TREND = 3


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that goes into the deliverables."""

    checkout: Checkout
    survey: Analysis
    analyses: Mapping[str, Analysis]
    synthesis: Synthesis
    refused: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def everything(self) -> dict[str, Analysis]:
        return {"survey": self.survey, **self.analyses}


@dataclass(frozen=True, kw_only=True)
class Picture:
    title: str
    svg: Markup
    names: list[str]
    """What the numbers in a scatter plot stand for."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table cut to what can be read."""

    title: str
    columns: list[str]
    rows: list[list[str | int | float | None]]
    more: int
    numeric: list[bool]
    """For each column, whether it holds numbers only."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One area of the report."""

    area: AreaScore
    analysis: Analysis
    findings: list[Finding]
    more_findings: int
    pictures: list[Picture]
    grids: list[Grid]


def sections_of(report: Report, *, drawn: bool = True) -> list[Section]:
    """The areas in the order of their weight."""
    everything = report.everything
    return [
        _section(area, everything[area.capsule], drawn=drawn)
        for area in report.synthesis.areas
        if area.capsule in everything
    ]


def trend_of(synthesis: Synthesis) -> Picture | None:
    """The score over the audits, from the third on."""
    points = [point for point in synthesis.comparison.trend if point.score is not None]
    if len(points) < LEAST_TREND:
        return None
    plot = Plot(
        kind="line",
        title="Overall score, audit by audit",
        labels=[f"{point.at:%Y-%m-%d}" for point in points],
        series={"score": [float(point.score or 0) for point in points]},
    )
    return next(_pictures([plot], "trend"), None)


def _section(area: AreaScore, analysis: Analysis, *, drawn: bool) -> Section:
    grids = [_grid(table) for table in analysis.tables if table.rows]
    return Section(
        area=area,
        analysis=analysis,
        findings=analysis.findings[:MOST_FINDINGS],
        more_findings=max(0, len(analysis.findings) - MOST_FINDINGS),
        pictures=list(_pictures(analysis.plots[:MOST_PLOTS], area.capsule)) if drawn else [],
        grids=grids[:MOST_TABLES],
    )


def _pictures(plots: list[Plot], where: str) -> Iterator[Picture]:
    for at, plot in enumerate(plots):
        svg = draw(plot, f"{where} {at}")
        if svg is not None:
            yield Picture(title=plot.title, svg=svg, names=named_points(plot))


def _grid(table: Table) -> Grid:
    rows = [row[: len(table.columns)] for row in table.rows[:MOST_ROWS]]
    cells = [[row[at] for row in rows if at < len(row)] for at in range(len(table.columns))]
    return Grid(
        title=table.title,
        columns=table.columns,
        rows=rows,
        more=max(0, len(table.rows) - MOST_ROWS),
        numeric=[not any(isinstance(cell, str) for cell in column) for column in cells],
    )

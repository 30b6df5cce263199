from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from capsules.library.documentation.community import WANTED
from capsules.library.documentation.docstrings import Docstrings
from capsules.library.documentation.links import DeadLink, Links
from capsules.library.documentation.readme import PARTS, Readme
from capsules.repository.analysis import Analysis, Coverage, Finding, Metric, Plot, Table

_FEW_NAMES = 10
_TOP = 20
_PAGES, _NAMES = 20, 8
_MISSING_PARTS = {
    "title": "a title",
    "description": "a sentence on what the project is for",
    "install": "how to install it",
    "usage": "how to use it",
    "licence": "its licence",
    "contributing": "how to contribute",
    "tests": "how to run the tests",
}
_SAID_IN = {"licence": "LICENSE", "contributing": "CONTRIBUTING", "tests": "CONTRIBUTING"}
"""Parts that need not be in the README when there is a file of their own."""
_WEIGHTS = {"README": 40, "docstrings": 30, "files": 20, "links": 10}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """All that was read about the documentation."""

    readme: Readme | None
    community: dict[str, str | None]
    docstrings: Docstrings
    links: Links
    files: int
    documented_elsewhere: int
    """Prose files that are no Markdown, whose links are not checked."""

    @property
    def missing(self) -> list[str]:
        """What neither the README nor a file of its own says."""
        said = self.readme.parts if self.readme else frozenset[str]()
        return [part for part in PARTS if part not in said and not self.community.get(_SAID_IN.get(part, ""))]


def describe(reading: Reading) -> Analysis:
    """Put README, files, docstrings and links together."""
    if not reading.files:
        headline = "The repository has no files: nothing to examine."
        return Analysis(capsule="documentation", title="Documentation", headline=headline).bounded()
    parts = _parts(reading)
    weight = sum(_WEIGHTS[name] for name in parts)
    score = round(sum(_WEIGHTS[name] * part for name, part in parts.items()) / weight)
    named = ", ".join(f"{name} {round(part)} (weight {_WEIGHTS[name]})" for name, part in parts.items())
    return Analysis(
        capsule="documentation",
        title="Documentation",
        score=score,
        headline=_headline(reading),
        metrics=[Metric(name="score", value=score, note=f"weighted mean of {named}"), *_metrics(reading)],
        findings=[*_readme(reading), *_community(reading), *_docstrings(reading), *_links(reading)],
        tables=[table for table in (_community_table(reading), _docstring_table(reading)) if table.rows],
        plots=_plots(reading),
        coverage=_coverage(reading),
        notes=_notes(reading),
        tools={"markdown-it-py": version("markdown-it-py")},
    ).bounded()


def _parts(reading: Reading) -> dict[str, float]:
    present = sum(path is not None for path in reading.community.values())
    parts = {"README": 100 * (1 - len(reading.missing) / len(PARTS)) if reading.readme else 0.0}
    if reading.docstrings.public >= _FEW_NAMES:
        parts["docstrings"] = _documented(reading.docstrings)
    parts["files"] = 100 * present / len(WANTED)
    if reading.links.checked:
        parts["links"] = 100 * (1 - len(reading.links.dead) / reading.links.checked)
    return parts


def _documented(docstrings: Docstrings) -> float:
    return 100 * docstrings.documented / docstrings.public if docstrings.public else 0.0


def _headline(reading: Reading) -> str:
    if reading.readme is None:
        said = "There is no README"
    elif reading.missing:
        said = "The README lacks " + _listed([_MISSING_PARTS[part] for part in reading.missing])
    else:
        said = "The README and the files beside it say what a newcomer needs"
    if reading.docstrings.public >= _FEW_NAMES:
        share = _documented(reading.docstrings)
        said += f"; {share:.0f} % of {reading.docstrings.public:,} public Python names have a docstring"
    dead = len(reading.links.dead)
    if dead:
        said += f"; {dead:,} of {reading.links.checked:,} relative links are dead"
    return said + "."


def _listed(words: list[str]) -> str:
    return " and ".join(words) if len(words) < 3 else ", ".join(words[:-1]) + " and " + words[-1]


def _metrics(reading: Reading) -> list[Metric]:
    readme, docstrings, links = reading.readme, reading.docstrings, reading.links
    present = [name for name, path in reading.community.items() if path]
    metrics = [
        Metric(
            name="parts that a newcomer needs",
            value=len(PARTS) - len(reading.missing) if readme else 0,
            unit=f"of {len(PARTS)}",
            note=f"{readme.words:,} words in {readme.path}" if readme else "no README",
        ),
        Metric(name="community files", value=len(present), unit=f"of {len(WANTED)}", note=", ".join(present)),
        Metric(name="Markdown pages", value=links.coverage.total),
        Metric(name="dead relative links", value=len(links.dead), unit=f"of {links.checked:,}"),
    ]
    if docstrings.public:
        share = round(_documented(docstrings), 1)
        note = f"{docstrings.documented:,} of {docstrings.public:,} public modules, classes and functions"
        metrics.append(Metric(name="docstring coverage", value=share, unit="%", note=note))
    return metrics


def _readme(reading: Reading) -> Iterator[Finding]:
    readme = reading.readme
    if readme is None:
        yield Finding.of(
            "documentation.no-readme",
            title="There is no README",
            severity="high",
            detail="It is the first page that anybody sees of a project.",
            advice="Write README.md: what it is for, how to install it, an example, how to contribute.",
        )
    elif reading.missing:
        yield Finding.of(
            "documentation.readme-parts",
            path=readme.path,
            title="The README lacks " + _listed([_MISSING_PARTS[part] for part in reading.missing]),
            severity="medium" if len(reading.missing) >= len(PARTS) / 2 else "low",
            detail=f"It has {_listed(sorted(readme.parts))}."
            if readme.parts
            else "It has none of the usual parts.",
            advice="Add a short section, or a link to the page that says it.",
            effort="minutes",
        )


def _community(reading: Reading) -> Iterator[Finding]:
    for wanted in WANTED:
        if reading.community[wanted.name] is None:
            yield Finding.of(
                f"documentation.no-{wanted.name.lower().replace('_', '-')}",
                title=f"There is no {wanted.name} file",
                severity=wanted.severity,
                detail=wanted.why,
                advice=wanted.advice,
                effort="minutes" if wanted.name == "LICENSE" else "hours",
            )


def _docstrings(reading: Reading) -> Iterator[Finding]:
    docstrings = reading.docstrings
    share = _documented(docstrings)
    if docstrings.public < _FEW_NAMES or share >= 80:
        return
    worst = sorted(docstrings.files, key=lambda file: (-len(file.missing), file.path))[:_NAMES]
    yield Finding.of(
        "documentation.docstrings",
        title=f"{docstrings.public - docstrings.documented:,} public Python names have no docstring",
        severity="medium" if share < 40 else "low",
        detail="Most are missing in "
        + ", ".join(f"{file.path} ({len(file.missing)})" for file in worst if file.missing),
        advice="Begin with the names that the README and the documentation mention.",
        effort="days",
    )


def _links(reading: Reading) -> Iterator[Finding]:
    by_page: dict[str, list[DeadLink]] = defaultdict(list)
    for link in reading.links.dead:
        by_page[link.path].append(link)
    pages = sorted(by_page.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    for path, links in pages[:_PAGES]:
        files = [link for link in links if "file" in link.why]
        named = [f"{link.target} (line {link.line}: {link.why})" for link in [*files, *links][:_NAMES]]
        yield Finding.of(
            "documentation.dead-links",
            path=path,
            line=(files or links)[0].line,
            title="1 relative link is dead" if len(links) == 1 else f"{len(links):,} relative links are dead",
            severity="low" if files else "info",
            detail="; ".join(dict.fromkeys(named)),
            advice="Point them at where the page or section has moved.",
            effort="minutes",
        )


def _community_table(reading: Reading) -> Table:
    rows: list[list[int | float | str | None]] = [["README", reading.readme.path if reading.readme else None]]
    rows += [[name, path] for name, path in reading.community.items()]
    return Table(title="Files that people look for", columns=["file", "found at"], rows=rows)


def _docstring_table(reading: Reading) -> Table:
    files = sorted(reading.docstrings.files, key=lambda file: (-len(file.missing), file.path))
    return Table(
        title="Public Python names without a docstring",
        columns=["file", "missing", "public names", "first missing"],
        rows=[
            [file.path, len(file.missing), file.public, ", ".join(name for name, _ in file.missing[:3])]
            for file in files[:_TOP]
            if file.missing
        ],
    )


def _plots(reading: Reading) -> list[Plot]:
    parts = _parts(reading)
    return [
        Plot(
            kind="barh",
            title="Parts of the documentation score",
            x_label="% reached",
            labels=list(parts),
            series={"reached": [round(part, 1) for part in parts.values()]},
        )
    ]


def _coverage(reading: Reading) -> Coverage:
    one, two = reading.links.coverage, reading.docstrings.coverage
    skipped = {f"Markdown: {reason}": number for reason, number in one.skipped.items()}
    skipped |= {f"Python: {reason}": number for reason, number in two.skipped.items()}
    return Coverage(examined=one.examined + two.examined, total=one.total + two.total, skipped=skipped)


def _notes(reading: Reading) -> list[str]:
    notes = ["Links are looked up inside the repository only; nothing on the network was asked."]
    if reading.documented_elsewhere:
        notes.append(f"{reading.documented_elsewhere:,} pages are no Markdown; their links were not checked.")
    if not reading.docstrings.coverage.total:
        notes.append("No public Python module: docstrings were not counted.")
    return notes

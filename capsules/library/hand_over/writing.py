"""The hand-over report as Markdown; whatever others have written is shown as text and nothing else."""

from collections.abc import Iterable, Iterator

from capsules.library.hand_over.contents import HandOver
from capsules.library.publish.text import escape_markdown, visible
from capsules.library.test_run.report import Report, headline

BUNDLE, REPORT = "repository.bundle", "hand-over.md"
MOST_FILES = 200
MOST_NOTES = 50
LONGEST_FENCE = 20_000


def written(over: HandOver) -> str:
    """The report."""
    return "\n".join(_lines(over)) + "\n"


def _lines(over: HandOver) -> Iterator[str]:
    given = over.specification
    yield from (f"# {_said(given.title)}", "", _said(given.summary), "")
    yield f"- {headline(over.run)}"
    met = sum(judged.met for judged in over.review.requirements)
    yield f"- The review says **{over.review.verdict}**: {_said(over.review.summary)}"
    yield f"- {met} of {len(given.requirements)} requirements are met, the review says."
    yield ""
    yield from ("## How to take it", "", "```console", f"$ git clone {BUNDLE} {_plain(given.package)}")
    yield from (f"$ cd {_plain(given.package)}", "$ python3 -m unittest discover -s tests", "```", "")
    yield f"`{BUNDLE}` holds the repository with its history; `main` is at `{over.commit}`."
    yield ""
    yield from _section("What was asked for", [*_quoted(over.request)])
    yield from _section("Requirements", _requirements(over))
    yield from _section("Taken for granted", [f"- {_said(text)}" for text in given.assumptions])
    yield from _section("The code", [_said(over.code.summary), "", *_bullets(over.code.decisions)])
    yield from _section("The tests", [_said(over.tests.summary), "", *_runs(over)])
    yield from _section("Findings of the review", _findings(over))
    notes = [
        f"- {_said(note.step)}, {_said(note.kind)}: {_said(note.text)}" for note in over.notes[:MOST_NOTES]
    ]
    yield from _section("What the steps told each other", notes)
    yield from _section("Interface", _fenced(given.interface))
    yield from _section("Files", _files(over))
    lines = [f"- {label}: {_said(value)}" for label, value in over.provenance.lines()]
    yield from _section("Where it comes from", [*lines, "", "Written by agents; the tests ran in a sandbox."])


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if any(found):
        yield from (f"## {title}", "", *found, "")


def _requirements(over: HandOver) -> Iterator[str]:
    judged = {item.id: item for item in over.review.requirements}
    yield from ("| | what has to hold | met | the review's note |", "|---|---|---|---|")
    for item in over.specification.requirements:
        found = judged.get(item.id)
        met = "not judged" if found is None else "yes" if found.met else "**no**"
        yield f"| {_said(item.id)} | {_said(item.text)} | {met} | {_said(found.note if found else '')} |"


def _runs(over: HandOver) -> Iterator[str]:
    yield f"First run: {headline(over.first_run)}"
    yield from _problems(over.first_run)
    if over.repair:
        yield from ("", f"Repair: {_said(over.repair)}")
    if over.second_run:
        yield from ("", f"Second run: {headline(over.second_run)}")
        yield from _problems(over.second_run)


def _problems(report: Report) -> Iterator[str]:
    if report.problems:
        yield ""
    for problem in report.problems[:20]:
        last = problem.detail.strip().splitlines()[-1:] or [""]
        yield f"- {_said(problem.test)}: {problem.kind}: {_said(last[0])}"


def _findings(over: HandOver) -> Iterator[str]:
    for found in over.review.findings:
        place = f" ({_said(found.file)}{f':{found.line}' if found.line else ''})" if found.file else ""
        yield f"- **{found.severity}**{place}: {_said(found.text)}"
    if not over.review.findings:
        yield "None."


def _files(over: HandOver) -> Iterator[str]:
    for path, size in sorted(over.files.items())[:MOST_FILES]:
        yield f"- {_said(path)} ({size:,} bytes)"
    if len(over.files) > MOST_FILES:
        yield f"- and {len(over.files) - MOST_FILES} more"


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {_said(text)}" for text in texts]


def _quoted(text: str) -> Iterator[str]:
    yield from (f"> {_said(line)}" for line in text.splitlines() or [""])


def _fenced(text: str) -> list[str]:
    """The text as it stands, in a fence that nothing in it can close."""
    if not text.strip():
        return []
    lines = [visible(line).replace("`", "'") for line in text[:LONGEST_FENCE].splitlines()]
    return ["```text", *lines, "```"]


def _said(text: object) -> str:
    return str(escape_markdown(text))


def _plain(text: str) -> str:
    """A word for a command line."""
    return "".join(letter for letter in text if letter.isascii() and (letter.isalnum() or letter in "_-"))

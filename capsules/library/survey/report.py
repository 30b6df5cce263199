"""The survey's figures as an analysis: facts to know before reading on, so without a score."""

import time
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version

import pygit2

from capsules.library.survey.history import History, day
from capsules.library.survey.inventory import Inventory
from capsules.library.survey.people import Person, bus_factor
from capsules.repository.analysis import Analysis, Finding, Metric, Plot, Table
from capsules.repository.checkout import Checkout
from capsules.repository.languages import kind_of

_TOP = 10
_MONTHS = 36
_DAY = 24 * 3600
_QUIET_DAYS = 365
_BIG_FILE = 5_000_000
_FEW_COMMITS = 20
_MUCH_UNRELEASED = 50
_NAMES = 3


def describe(checkout: Checkout, inventory: Inventory, history: History, notes: list[str]) -> Analysis:
    """Put tree and history together."""
    return Analysis(
        capsule="survey",
        title="The repository",
        headline=_headline(checkout, inventory, history),
        metrics=[*_tree_metrics(inventory), *_history_metrics(history)],
        findings=_findings(inventory, history),
        tables=[table for table in _tables(inventory, history) if table.rows],
        plots=[plot for plot in (_activity(history), _languages(inventory)) if plot.labels],
        coverage=inventory.coverage,
        notes=[*notes, *_notes(inventory, history)],
        tools={"pygit2": version("pygit2"), "libgit2": pygit2.LIBGIT2_VERSION},
    ).bounded()


def _headline(checkout: Checkout, inventory: Inventory, history: History) -> str:
    languages = _shares(inventory)
    made_of = (
        f"{inventory.code.code:,} lines of code, {round(languages[0][1])} % {languages[0][0]}"
        if languages
        else f"{inventory.files:,} files and no source code"
    )
    writers = len([person for person in history.people.humans() if person.recent])
    return (
        f"{checkout.name}: {made_of}; {count(history.commits, 'commit')} since {day(history.oldest)}, "
        f"{history.recent:,} of them in the last 12 months by {count(writers, 'person', 'people')}."
    )


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _shares(inventory: Inventory) -> list[tuple[str, float]]:
    """Programming languages with their percentage of all code lines, the largest first."""
    code = {name: lines.code for name, lines in inventory.lines.items() if kind_of(name) == "code"}
    total = sum(code.values())
    ordered = sorted(code.items(), key=lambda entry: (-entry[1], entry[0]))
    return [(name, 100 * lines / total) for name, lines in ordered if lines]


def _tree_metrics(inventory: Inventory) -> list[Metric]:
    roles = inventory.roles
    names = sorted({name or "not recognised" for name in inventory.licences.values()})
    aside = f"{roles['vendored']:,} vendored and {roles['generated']:,} generated files are not counted"
    return [
        Metric(name="files", value=inventory.files, note=f"{inventory.binaries:,} of them binary"),
        Metric(name="size", value=round(inventory.size / 1e6, 2), unit="MB"),
        Metric(name="code lines", value=inventory.code.code, note=aside),
        Metric(name="comment lines", value=inventory.code.comment, note="roughly: by how a line begins"),
        Metric(name="languages", value=len(_shares(inventory))),
        Metric(name="licence", value=" and ".join(names) or "none found", note=", ".join(inventory.licences)),
    ]


def _history_metrics(history: History) -> list[Metric]:
    people, bots = history.people.humans(), history.people.bots()
    core = _core(people)
    release = history.releases[0] if history.releases else None
    return [
        Metric(name="commits", value=history.commits, note=f"{history.merges:,} of them merges"),
        Metric(name="commits in the last 12 months", value=history.recent, note="before the newest commit"),
        Metric(name="first commit", value=day(history.oldest)),
        Metric(name="last commit", value=day(history.newest)),
        Metric(name="contributors", value=len(people), note=f"without {count(len(bots), 'bot')}"),
        Metric(
            name="bus factor",
            value=len(core),
            note="fewest people who wrote half of the last 12 months' commits: " + ", ".join(core[:_TOP]),
        ),
        Metric(name="tags", value=len(history.releases)),
        Metric(
            name="latest tag",
            value=release[0] if release else "none",
            note=f"{day(release[1])}, {_unreleased(history)}" if release else "",
        ),
    ]


def _unreleased(history: History) -> str:
    if history.unreleased is None:
        return "not on this branch"
    return f"{count(history.unreleased, 'commit')} since"


def _core(people: list[Person]) -> list[str]:
    return bus_factor(Counter({person.name: person.recent for person in people if person.recent}))


def _findings(inventory: Inventory, history: History) -> list[Finding]:
    found = [_quiet(history), _one_person(history), _long_unreleased(history), *_big_files(inventory)]
    return [finding for finding in found if finding]


def _quiet(history: History) -> Finding | None:
    days = int((time.time() - history.newest) / _DAY)
    if days <= _QUIET_DAYS:
        return None
    return Finding.of(
        "survey.quiet",
        title=f"No commit for {days:,} days",
        severity="medium",
        detail=f"The newest commit is of {day(history.newest)}.",
        advice="Say in the README whether the project is finished, looking for maintainers, or abandoned.",
        effort="minutes",
    )


def _one_person(history: History) -> Finding | None:
    people = history.people.humans()
    core = _core(people)
    recent = sum(person.recent for person in people)
    if len(core) != 1 or recent < _FEW_COMMITS:
        return None
    share = round(100 * people[0].recent / recent)
    return Finding.of(
        "survey.bus-factor",
        title=f"{core[0]} wrote {share} % of the last 12 months' commits",
        severity="medium" if share < 80 else "high",
        detail=f"{people[0].recent:,} of {recent:,} commits, merges and bots left out.",
        advice="Have a second person review, release and hold the credentials before the day it is needed.",
        effort="days",
    )


def _long_unreleased(history: History) -> Finding | None:
    if not history.releases or (history.unreleased or 0) < _MUCH_UNRELEASED:
        return None
    name, when = history.releases[0]
    days = (history.newest - when) // _DAY
    if days < _QUIET_DAYS // 2:
        return None
    return Finding.of(
        "survey.unreleased",
        title=f"{history.unreleased:,} commits since the tag {name}, {days:,} days earlier",
        severity="low",
        detail="Users who install releases do not have these changes.",
        advice="Release, or say that releases are no longer tagged.",
    )


def _big_files(inventory: Inventory) -> list[Finding]:
    return [
        Finding.of(
            "survey.big-file",
            path=path,
            title=f"A file of {size / 1e6:,.1f} MB is in the repository",
            severity="low",
            detail="Every clone carries every version of it.",
            advice="Keep it with Git LFS or with the releases, unless it rarely changes.",
        )
        for size, path, _ in inventory.largest
        if size > _BIG_FILE
    ]


def _tables(inventory: Inventory, history: History) -> list[Table]:
    return [
        Table(
            title="Languages",
            columns=["language", "files", "code", "comment", "blank"],
            rows=[
                [name, inventory.languages[name], lines.code, lines.comment, lines.blank]
                for name, lines in sorted(inventory.lines.items(), key=lambda entry: -entry[1].code)
            ],
        ),
        Table(
            title="Contributors, the busiest of the last 12 months first",
            columns=["name", "commits", "last 12 months", "last commit"],
            rows=[
                [
                    person.name + (" (bot)" if person.bot else ""),
                    person.commits,
                    person.recent,
                    day(person.last),
                ]
                for person in [*history.people.humans()[:_TOP], *history.people.bots()[:_NAMES]]
            ],
        ),
        Table(
            title="Latest tags",
            columns=["tag", "date"],
            rows=[[name, day(when)] for name, when in history.releases[:_TOP]],
        ),
        Table(
            title="Largest files",
            columns=["file", "kB", "binary"],
            rows=[
                [path, round(size / 1000, 1), "yes" if binary else "no"]
                for size, path, binary in inventory.largest
            ],
        ),
    ]


def _activity(history: History) -> Plot:
    months = months_until(history.newest, _MONTHS)
    while months and not history.months[months[0]]:
        months.pop(0)
    return Plot(
        kind="bar",
        title="Commits a month",
        x_label="month",
        y_label="commits",
        labels=months,
        series={"commits": [float(history.months[month]) for month in months]},
    )


def months_until(seconds: int, number: int) -> list[str]:
    """The names of this many months that end with the one of the given time."""
    last = datetime.fromtimestamp(seconds, UTC)
    index = last.year * 12 + last.month - 1
    return [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(index - number + 1, index + 1)]


def _languages(inventory: Inventory) -> Plot:
    shares = _shares(inventory)[:_TOP]
    return Plot(
        kind="barh",
        title="Code lines by language",
        x_label="% of code lines",
        labels=[name for name, _ in shares],
        series={"share": [round(share, 1) for _, share in shares]},
    )


def _notes(inventory: Inventory, history: History) -> list[str]:
    notes = []
    if not history.complete:
        notes.append(
            f"The time for the history ran out: {history.commits:,} commits were read, "
            f"back to {day(history.oldest)}."
        )
    late = inventory.coverage.skipped.get("out of time", 0)
    if late:
        notes.append(f"The time for counting lines ran out: {late:,} files were not read.")
    if inventory.large_files:
        notes.append(f"{inventory.large_files:,} files lie in Git LFS; only their pointers were seen.")
    return notes

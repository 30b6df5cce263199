import re
from collections.abc import Iterable
from dataclasses import dataclass

from capsules.repository.analysis import Severity


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file that people expect in a repository others use."""

    name: str
    pattern: re.Pattern[str]
    severity: Severity
    why: str
    advice: str


_FOLDER = r"^(\.github/|\.gitlab/|docs?/)?"
_END = r"([-.][\w.-]+)?$"


def _named(words: str) -> re.Pattern[str]:
    return re.compile(f"{_FOLDER}({words}){_END}", re.IGNORECASE)


WANTED = (
    Wanted(
        name="LICENSE",
        pattern=re.compile(r"^(licen[cs]es?|copying|unlicense)([-.][\w.-]+)?(/|$)", re.IGNORECASE),
        severity="medium",
        why="Without a licence nobody outside may use, change or pass on the code.",
        advice="Choose a licence and add its text as LICENSE.",
    ),
    Wanted(
        name="CHANGELOG",
        pattern=_named("change(s|log)?|changelogs?|history|news|releases?|release[-_]?notes|whatsnew"),
        severity="low",
        why="Users cannot tell what an update changes for them.",
        advice="Keep a CHANGELOG that says per release what was added, changed and removed.",
    ),
    Wanted(
        name="CONTRIBUTING",
        pattern=_named("contributing|development|hacking|developing"),
        severity="low",
        why="Whoever wants to help must guess how to set up, test and send a change.",
        advice="Add CONTRIBUTING.md: set-up, tests, style, how changes are accepted.",
    ),
    Wanted(
        name="SECURITY",
        pattern=_named("security"),
        severity="low",
        why="Whoever finds a vulnerability does not know where to report it in private.",
        advice="Add SECURITY.md with a private contact, unless the organisation has one for all.",
    ),
    Wanted(
        name="CODE_OF_CONDUCT",
        pattern=_named("code[-_]?of[-_]?conduct"),
        severity="info",
        why="Larger communities expect one.",
        advice="Adopt the Contributor Covenant, unless the organisation has one for all.",
    ),
)


def find_community_files(paths: Iterable[str]) -> dict[str, str | None]:
    """The first file for each name that is wanted, None where there is none."""
    found: dict[str, str | None] = {wanted.name: None for wanted in WANTED}
    for path in paths:
        for wanted in WANTED:
            if found[wanted.name] is None and wanted.pattern.match(path):
                found[wanted.name] = path
    return found

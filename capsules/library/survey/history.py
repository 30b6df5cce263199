from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pygit2
from pygit2.enums import SortMode

from capsules.library.survey.people import People
from capsules.repository.checkout import Checkout, shown
from capsules.repository.deadline import Deadline

_YEAR = 365 * 24 * 3600
_LATEST = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())
_ASK_EVERY = 500


@dataclass(kw_only=True)
class History:
    """What the commits that lead to HEAD say, merges apart where people are counted."""

    commits: int = 0
    merges: int = 0
    newest: int = 0
    oldest: int = 0
    recent: int = 0
    """Commits within a year before the newest one."""
    months: Counter[str] = field(default_factory=Counter)
    """Commits by month, such as `2026-03`."""
    people: People = field(default_factory=People)
    complete: bool = True
    releases: list[tuple[str, int]] = field(default_factory=list)
    """Tags with the time of their commit, the newest first."""
    unreleased: int | None = None
    """Commits since the newest tag on this line of history, None without any."""


def read_history(checkout: Checkout, seconds: float) -> History:
    """Walk back from the commit until its first ancestor or until the time is spent."""
    repository = pygit2.Repository(checkout.root)
    deadline, mailmap = Deadline(seconds), _mailmap(repository)
    tagged = _tags(repository)
    history = History(releases=_newest_first(repository, tagged))
    seen: dict[tuple[bytes, bytes], tuple[str, str]] = {}
    for commit in repository.walk(repository[checkout.commit].id, SortMode.TIME):
        _count(history, commit, _author(commit, mailmap, seen))
        if history.unreleased is None and commit.id in tagged:
            history.unreleased = history.commits - 1
        if history.commits % _ASK_EVERY == 0 and deadline.passed:
            history.complete = False
            break
    return history


def _count(history: History, commit: pygit2.Commit, author: tuple[str, str]) -> None:
    when = clamped(commit.commit_time)
    history.commits += 1
    history.newest = history.newest or when
    history.oldest = min(history.oldest or when, when)
    history.months[day(when)[:7]] += 1
    recent = when > history.newest - _YEAR
    history.recent += recent
    if len(commit.parent_ids) > 1:
        history.merges += 1
    else:
        history.people.add(*author, when, recent=recent)


def _author(
    commit: pygit2.Commit, mailmap: pygit2.Mailmap | None, seen: dict[tuple[bytes, bytes], tuple[str, str]]
) -> tuple[str, str]:
    signature = commit.author
    key = (signature.raw_name, signature.raw_email)
    if key not in seen:
        name, address = shown(key[0]), shown(key[1])
        if mailmap is not None:
            name, address = mailmap.resolve(name, address)
        seen[key] = (name, address)
    return seen[key]


def _mailmap(repository: pygit2.Repository) -> pygit2.Mailmap | None:
    try:
        return pygit2.Mailmap.from_repository(repository)
    except (pygit2.GitError, ValueError):
        return None


def _tags(repository: pygit2.Repository) -> dict[pygit2.Oid, str]:
    """The commits that tags name; a tag of something else is none of ours."""
    tags = {}
    for raw in repository.raw_listall_references():
        if raw.startswith(b"refs/tags/"):
            try:
                commit = repository.references[raw.decode()].peel(pygit2.Commit)
            except (pygit2.GitError, UnicodeDecodeError, KeyError, ValueError):
                continue
            tags[commit.id] = shown(raw.removeprefix(b"refs/tags/"))
    return tags


def _newest_first(repository: pygit2.Repository, tagged: dict[pygit2.Oid, str]) -> list[tuple[str, int]]:
    times: list[tuple[str, int]] = []
    for found, name in tagged.items():
        commit = repository[found]
        if isinstance(commit, pygit2.Commit):
            times.append((name, clamped(commit.commit_time)))
    return sorted(times, key=lambda release: (-release[1], release[0]))


def clamped(seconds: int) -> int:
    """A commit's time within what a calendar can show; forged ones lie anywhere."""
    return min(max(seconds, 0), _LATEST)


def day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")

"""How often each file was changed and by whom, read from the log of git itself."""

import os
import select
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pygit2

from blocks.errors import Unavailable
from capsules.repository.checkout import Checkout
from capsules.repository.deadline import Deadline

_YEAR = 365 * 24 * 3600
_FEW_COMMITS = 20
_CHUNK = 1 << 16
_COUPLED_AT_MOST = 25
"""A commit that touches more files than this says nothing about which of them belong together."""
_REMEMBERED = 20_000
_STARTED = b"\x01"
_SAFE = (
    "-c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.attributesFile=/dev/null "
    "-c core.pager=cat -c log.showSignature=false -c mailmap.file="
)
_LOG = (
    "log -z --numstat --no-renames --no-ext-diff --no-textconv --no-show-signature --no-color --use-mailmap"
)


@dataclass(kw_only=True)
class Touched:
    """The changes of one file within the window."""

    commits: int = 0
    lines: int = 0
    """Lines added and removed."""
    authors: set[str] = field(default_factory=set)


@dataclass(kw_only=True)
class Churn:
    months: int | None
    """The length of the window, None for the whole history."""
    commits: int = 0
    touched: dict[bytes, Touched] = field(default_factory=lambda: defaultdict(Touched))
    groups: list[tuple[bytes, ...]] = field(default_factory=list)
    """The files of each commit small enough to tell which files change together."""
    complete: bool = True


def read_churn(checkout: Checkout, seconds: float) -> Churn:
    """The changes of the last 12 months before HEAD; of all times when those were few."""
    commit = pygit2.Repository(checkout.root)[checkout.commit].peel(pygit2.Commit)
    since = commit.commit_time - _YEAR
    churn = _read(checkout, Churn(months=12), since, seconds)
    if churn.commits < _FEW_COMMITS and churn.complete:
        churn = _read(checkout, Churn(months=None), None, seconds)
    return churn


def _read(checkout: Checkout, churn: Churn, since: int | None, seconds: float) -> Churn:
    tracked = {file.raw for file in checkout.files()}
    author, names = "", list[bytes]()
    for token in _tokens(checkout, since, seconds):
        if token is None:
            churn.complete = False
        elif token.startswith(_STARTED):
            _remember(churn, names)
            churn.commits += 1
            author, names = token[1:].decode("utf-8", "replace"), []
        elif (change := _change(token)) and change[1] in tracked:
            names.append(change[1])
            entry = churn.touched[change[1]]
            entry.commits += 1
            entry.lines += change[0]
            entry.authors.add(author)
    _remember(churn, names)
    return churn


def _remember(churn: Churn, names: list[bytes]) -> None:
    if 1 < len(names) <= _COUPLED_AT_MOST and len(churn.groups) < _REMEMBERED:
        churn.groups.append(tuple(names))


def _change(token: bytes) -> tuple[int, bytes] | None:
    """Lines changed and path out of `ADDED<tab>REMOVED<tab>PATH`; a binary file has `-` for its lines."""
    added, tab, rest = token.partition(b"\t")
    removed, second, path = rest.partition(b"\t")
    if not (tab and second and path):
        return None
    return sum(int(number) for number in (added, removed) if number.isdigit()), path


def _tokens(checkout: Checkout, since: int | None, seconds: float) -> Iterator[bytes | None]:
    """What git prints, cut at its zero bytes; a None at the end means that the time was up."""
    deadline, rest = Deadline(seconds), b""
    with _start(checkout, since) as child:
        pipe = child.stdout.fileno() if child.stdout else -1
        try:
            while select.select([pipe], [], [], deadline.left)[0] and (chunk := os.read(pipe, _CHUNK)):
                *tokens, rest = (rest + chunk).split(b"\0")
                yield from (token.lstrip(b"\n") for token in tokens if token)
            if deadline.passed:
                yield None
            elif child.wait():
                raise Unavailable(
                    f"git could not read the history of {checkout.name!r} (exit {child.returncode})"
                )
        finally:
            child.kill()


def _start(checkout: Checkout, since: int | None) -> subprocess.Popen[bytes]:
    """Git with no configuration but the clone's own, no hooks, no helpers and no questions."""
    window = [f"--since=@{since}"] if since is not None else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    safe = {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_CEILING_DIRECTORIES": checkout.root,
    }
    where = ["git", "-C", checkout.root, "-c", f"safe.directory={checkout.root}", *_SAFE.split(" ")]
    try:
        return subprocess.Popen(
            [*where, *_LOG.split(), "--format=%x01%aN", *window, checkout.commit, "--"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, **quiet, **safe},
        )
    except FileNotFoundError:
        raise Unavailable("the program `git` is not installed: it is needed to read a history") from None


def coupled(
    churn: Churn, paths: set[bytes], *, together: int, share: float
) -> list[tuple[bytes, bytes, int, float]]:
    """Pairs of the given files that change together, the tightest first, with how often and in what share."""
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    for group in churn.groups:
        known = sorted(name for name in group if name in paths)
        pairs.update((first, second) for at, first in enumerate(known) for second in known[at + 1 :])
    found = []
    for (first, second), times in pairs.items():
        least = min(churn.touched[first].commits, churn.touched[second].commits)
        if times >= together and times / least >= share:
            found.append((first, second, times, times / least))
    return sorted(found, key=lambda pair: (-pair[2] * pair[3], pair[0], pair[1]))

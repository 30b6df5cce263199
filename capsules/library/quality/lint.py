"""What ruff says about the Python sources, without ever reading the repository's own configuration."""

import json
import os
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # the wheel ships no types

from capsules.repository.analysis import Coverage
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.deadline import Deadline
from capsules.repository.roles import role_of

SYNTAX = "invalid-syntax"
UNREADABLE = "E902"
_RULES = "E711,E712,E713,E714,E721,E722,E9,F,W605,B,PLE,PLW,PERF,RET,SIM,UP"
_NOISE = (
    "B008,B010,B905,PLW0603,PLW1641,PLW2901,UP007,UP045,RET505,RET506,RET507,RET508,SIM105,SIM108,PERF203"
)
"""Rules that experienced maintainers often decide against, or that need a project's own settings."""
_REEXPORTS = "__init__.py:F401,compat.py:F401,_compat.py:F401"
_NEWER = re.compile(r"^Cannot use .* on Python 3\.\d+ \(syntax was added in")
_BATCH = 200
_LARGEST = 1_000_000
_OLDEST, _NEWEST, _USUAL = 7, 14, 10


@dataclass(frozen=True, kw_only=True)
class Problem:
    rule: str
    name: str
    path: str
    line: int
    message: str
    link: str | None


@dataclass(frozen=True, kw_only=True)
class Lint:
    problems: list[Problem]
    coverage: Coverage


def run_ruff(checkout: Checkout, seconds: float) -> Lint:
    """Check the Python sources in batches until all are done or the time is spent."""
    deadline, files = Deadline(seconds), list(_python_sources(checkout))
    small = [file for file in files if file.size <= _LARGEST]
    skipped = Counter({"larger than 1 MB": len(files) - len(small)})
    target, problems = target_version(checkout), list[Problem]()
    for batch in _batches(small):
        problems.extend(_check(checkout, batch, target, deadline, skipped))
    skipped["not UTF-8"] = sum(problem.rule == UNREADABLE for problem in problems)
    return Lint(
        problems=[problem for problem in problems if problem.rule != UNREADABLE],
        coverage=Coverage(examined=len(files) - skipped.total(), total=len(files), skipped=dict(+skipped)),
    )


def _python_sources(checkout: Checkout) -> Iterator[SourceFile]:
    for file in checkout.files():
        if file.language == "Python" and not file.binary and role_of(file.path) == "source":
            yield file


def _batches(files: list[SourceFile]) -> Iterator[list[SourceFile]]:
    rest = iter(files)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def target_version(checkout: Checkout) -> str:
    """The oldest Python that pyproject.toml promises to support, as ruff spells it."""
    try:
        project = tomllib.loads((checkout.read("pyproject.toml") or b"").decode("utf-8", "replace"))
        wanted = SpecifierSet(project["project"]["requires-python"])
    except (tomllib.TOMLDecodeError, InvalidSpecifier, KeyError, TypeError, AttributeError, RecursionError):
        return f"py3{_USUAL}"
    fitting = (minor for minor in range(_OLDEST, _NEWEST + 1) if f"3.{minor}.99" in wanted)
    return f"py3{next(fitting, _USUAL)}"


def _check(
    checkout: Checkout, batch: list[SourceFile], target: str, deadline: Deadline, skipped: Counter[str]
) -> Iterator[Problem]:
    """The problems of these files; one that makes ruff crash is found by halving, and left out."""
    done = None if deadline.passed else _run(checkout, batch, target, deadline.left)
    if done is None:
        skipped["out of time"] += len(batch)
    elif done.returncode == 0:
        places = {_as_ruff_says(checkout, file): file for file in batch}
        found = (_problem(json.loads(line), places) for line in done.stdout.splitlines())
        yield from (problem for problem in found if problem)
    elif len(batch) == 1:
        skipped["not read by ruff"] += 1
    else:
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            yield from _check(checkout, half, target, deadline, skipped)


def _run(
    checkout: Checkout, batch: list[SourceFile], target: str, seconds: float
) -> subprocess.CompletedProcess[bytes] | None:
    options = ["--isolated", "--no-cache", "--no-fix", "--exit-zero", "--output-format", "json-lines"]
    rules = ["--select", _RULES, "--ignore", _NOISE, "--per-file-ignores", _REEXPORTS]
    names = [os.path.join(checkout.root.encode(), file.raw) for file in batch]  # noqa: PTH118  # bytes
    try:
        return subprocess.run(
            [find_ruff_bin(), "check", *options, *rules, "--target-version", target, "--", *names],
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "RAYON_NUM_THREADS": "1", "NO_COLOR": "1"},
        )
    except subprocess.TimeoutExpired:
        return None


def _as_ruff_says(checkout: Checkout, file: SourceFile) -> str:
    return f"{checkout.root}/{file.raw.decode('utf-8', 'replace')}"


def _problem(entry: dict[str, Any], places: dict[str, SourceFile]) -> Problem | None:
    file, message = places.get(entry["filename"]), entry["message"]
    if file is None or _NEWER.match(message):
        return None
    return Problem(
        rule=entry["code"] or SYNTAX,
        name=entry["name"],
        path=file.path,
        line=entry["location"]["row"],
        message=message,
        link=entry["url"],
    )

"""Bandit as a library: its own checks, on text that was read safely, without the repository's settings."""

import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from capsules.library.security.rules import RATED, title_of
from capsules.library.security.weakness import Weakness, Weaknesses
from capsules.repository.analysis import Severity
from capsules.repository.places import Place

if TYPE_CHECKING:
    from bandit.core.issue import Issue
    from bandit.core.manager import BanditManager

LEFT_OUT = frozenset({"B105", "B106", "B107", "B308"})
"""Passwords are the secrets capsule's part, which never quotes them; B703 says what B308 says, but better."""

_NOQA = re.compile(r"#\s*noqa:\s*([A-Z0-9, ]+)")
_LONGEST_SPAN = 40
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_GRADES: dict[tuple[str, str], Severity] = {
    ("HIGH", "HIGH"): "high",
    ("HIGH", "MEDIUM"): "high",
    ("HIGH", "LOW"): "medium",
    ("MEDIUM", "HIGH"): "medium",
    ("MEDIUM", "MEDIUM"): "medium",
    ("MEDIUM", "LOW"): "low",
}


@dataclass(kw_only=True)
class PythonScan:
    """What bandit said about the Python files so far."""

    weaknesses: Weaknesses = field(default_factory=Weaknesses)
    lines: int = 0
    suppressed: int = 0
    """Findings that a `nosec` or a `noqa` comment with the rule hides."""
    test_asserts: int = 0
    broken: list[str] = field(default_factory=list)
    """Files with a syntax error."""
    failed: list[str] = field(default_factory=list)
    """Files that bandit could not examine for another reason, such as extreme nesting."""

    def examine(self, path: str, place: Place, content: bytes) -> bool:
        """Adds what is wrong in one file; False when it could not be examined."""
        manager = _manager()
        _forget(manager)
        with _quiet():
            manager._parse_file(path, io.BytesIO(content), [path])  # noqa: SLF001  # the public way opens paths and follows links
        self.lines += content.count(b"\n")
        self.suppressed += sum(
            counts.get("nosec", 0) + counts.get("skipped_tests", 0)
            for counts in manager.metrics.data.values()
        )
        lines = content.decode("utf-8", "replace").splitlines()
        for issue in manager.results:
            if place == "test" and issue.test_id == "B101":
                self.test_asserts += 1
            elif _is_waived(issue, lines):
                self.suppressed += 1
            else:
                self.weaknesses.add(_weakness(issue, path, place, lines))
        for _, reason in manager.skipped:
            (self.broken if reason.startswith("syntax error") else self.failed).append(path)
        return not manager.skipped


def _weakness(issue: "Issue", path: str, place: Place, lines: list[str]) -> Weakness:
    line = issue.lineno or 1
    grade = _GRADES.get((issue.severity, issue.confidence), "low")
    return Weakness(
        rule=f"bandit-{issue.test_id}",
        name=title_of(issue.test_id, issue.test),
        severity="info" if _only_marks(issue, lines) else RATED.get(issue.test_id, grade),
        path=path,
        place=place,
        line=line,
        content=lines[line - 1] if 0 < line <= len(lines) else "",
        detail=f"{issue.text} (confidence {issue.confidence.lower()})",
        link=issue.cwe.link() if issue.cwe.id else "",
    )


def _is_waived(issue: "Issue", lines: list[str]) -> bool:
    """Whether a `noqa` names the rule in ruff's numbering, which is bandit's with another letter."""
    span = range(issue.lineno or 1, (issue.linerange or [issue.lineno or 1])[-1] + 1)
    return any(
        issue.test_id.replace("B", "S", 1) in comment
        for number in list(span)[:_LONGEST_SPAN]
        if 0 < number <= len(lines)
        for comment in _NOQA.findall(lines[number - 1][:2000])
    )


def _only_marks(issue: "Issue", lines: list[str]) -> bool:
    """Left-to-right and right-to-left marks reorder nothing; the attack needs embeddings or isolates."""
    return issue.test_id == "B613" and not any(_REORDERING.search(line) for line in lines)


@cache
def _manager() -> "BanditManager":
    """Bandit is imported late: it then loads all its extensions, complains of some, and changes warnings."""
    display = warnings.formatwarning
    with _quiet():
        from bandit.core.config import BanditConfig  # noqa: PLC0415  # see above
        from bandit.core.manager import BanditManager  # noqa: PLC0415  # see above

        manager = BanditManager(BanditConfig(), "file", profile={"exclude": LEFT_OUT})
    warnings.formatwarning = display
    return manager


def _forget(manager: "BanditManager") -> None:
    manager.results, manager.skipped, manager.scores = [], [], []
    manager.metrics = type(manager.metrics)()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps bandit's log lines and the parser's warnings, both full of hostile text, out of ours."""
    loggers = [logging.getLogger(name) for name in ("bandit", "stevedore")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

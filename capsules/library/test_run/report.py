from typing import Literal

from pydantic import BaseModel, ConfigDict

from capsules.repository.analysis import Text


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TestProblem(_Part):
    """A test that did not pass."""

    __test__ = False

    test: Text
    kind: Literal["failure", "error"]
    detail: Text


class Report(_Part):
    """How the tests of a commit went."""

    passed: bool
    ran: int = 0
    skipped: int = 0
    problems: list[TestProblem] = []
    """The first of them."""
    more: int = 0
    """How many problems are not listed."""
    note: Text = ""
    """Why they did not run, or not to their end."""
    output: Text = ""
    """The end of what was printed."""
    commit: str


def headline(report: Report) -> str:
    """The report in a sentence."""
    if report.note:
        return f"The tests did not run to their end: {report.note}"
    failed = len(report.problems) + report.more
    if report.passed:
        return f"All {report.ran} tests passed."
    return f"Of {report.ran} tests, {failed} failed." if failed else f"Of {report.ran} tests, some failed."

"""What a hand-over tells: what was asked for, what was done, and how it went."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from capsules.library.publish.provenance import Provenance
from capsules.library.test_run.report import Report
from capsules.repository.analysis import Text


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Requirement(_Part):
    id: Text
    text: Text
    acceptance: Text = ""


class Specification(_Part):
    """What was to be built."""

    title: Text
    summary: Text
    package: Text
    interface: Text = ""
    requirements: list[Requirement] = []
    assumptions: list[Text] = []


class Code(_Part):
    summary: Text
    decisions: list[Text] = []


class WrittenTests(_Part):
    summary: Text
    covered: list[Text] = []


class Judgement(_Part):
    id: Text
    met: bool
    note: Text = ""


class ReviewFinding(_Part):
    severity: Literal["high", "medium", "low"]
    text: Text
    file: Text | None = None
    line: int | None = None


class Review(_Part):
    """What whoever reviewed it says."""

    verdict: Literal["accept", "reject"]
    summary: Text
    requirements: list[Judgement] = []
    findings: list[ReviewFinding] = []


class Note(_Part):
    """What a step has told the others on the way."""

    step: Text
    kind: Text
    text: Text


class HandOver(_Part):
    """Everything that the report is written from."""

    request: Text
    specification: Specification
    code: Code
    tests: WrittenTests
    first_run: Report
    second_run: Report | None = None
    repair: Text = ""
    review: Review
    commit: str
    files: dict[str, int]
    """Size in bytes of each file of the repository, by its path."""
    notes: list[Note] = []
    provenance: Provenance

    @property
    def run(self) -> Report:
        """The last run of the tests."""
        return self.second_run or self.first_run


def report_or_none(given: dict[str, Any]) -> Report | None:
    """The report, unless the node that gives it was skipped."""
    return Report.model_validate(given) if given else None

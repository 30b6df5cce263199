"""The part of the HTTP API's JSON that speaks of constitutions, replays and single verdicts."""

from datetime import datetime
from typing import Any

from pydantic import Field, JsonValue, field_validator, model_validator

from blocks.constitution.decisions import Severity, Stage, Verdict
from blocks.constitution.terms import ApprovalTerms
from ui.wire import Asked, Said

MOST_TEXT = 1_000_000
"""Characters of a constitution; with its JSON around it, a request has at most 1 MiB."""
Ref = Field(min_length=1, max_length=200)
"""`active`, `shipped`, NAME@VERSION, or a digest, of which eight digits suffice."""


class Text(Asked):
    """A constitution's document."""

    text: str = Field(max_length=MOST_TEXT)


class Signed(Text):
    """A document to be published, with the signature from its `.sig` file."""

    signature: str = Field(min_length=1, max_length=1000)
    key: str = Field(min_length=1, max_length=100)
    """The id of the key that signed."""


class ActivationAsked(Asked):
    replay: str | None = Field(default=None, max_length=100)
    """A replay of the candidate that was looked at."""
    reason: str = Field(default="", max_length=4000)


class Reason(Asked):
    reason: str = Field(default="", max_length=4000)


class ShadowAsked(Asked):
    ref: str = Ref


class _RefOrText(Asked):
    ref: str | None = Field(default=None, min_length=1, max_length=200)
    text: str | None = Field(default=None, max_length=MOST_TEXT)


class ReplayAsked(_RefOrText):
    """Which candidate is to decide recorded history again: exactly one of `ref` and `text`."""

    since: datetime
    """With its zone; nothing before it is counted."""
    project: str | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def _one_candidate(self) -> "ReplayAsked":
        if (self.ref is None) == (self.text is None):
            raise ValueError("give exactly one of `ref` and `text`")
        if self.since.tzinfo is None:
            raise ValueError("`since` needs a zone, such as +00:00")
        return self


class Question(_RefOrText):
    """What would a constitution say to this? The one in force unless `ref` or `text` names another."""

    stage: str = Field(max_length=100)
    action: str = Field(max_length=200)
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    """Completed with a background: a user `ada` outside of any project."""
    explain: bool = False

    @model_validator(mode="after")
    def _one_constitution(self) -> "Question":
        if self.ref is not None and self.text is not None:
            raise ValueError("give `ref` or `text`, not both")
        return self


class Titled(Said):
    """Which constitution is meant."""

    name: str
    version: str
    digest: str


class Checked(Titled):
    """A valid document, and what its author should look at all the same."""

    articles: int
    warnings: list[str]


class Tested(Titled):
    """How the document's own examples came out."""

    examples: int
    failed: list[str]

    @property
    def held(self) -> int:
        return self.examples - len(self.failed)


class Version(Titled):
    """A published version as it is listed."""

    key: str
    published_by: str
    published_at: datetime
    standing: str = "published"
    """`published`, `waiting`, `active` or `superseded`."""


class FullVersion(Version):
    """A published version with its document and signature."""

    text: str
    signature: str


class Step(Said):
    """One activation or rollback."""

    id: int
    kind: str
    state: str
    """`waiting` for a second person, `done`, or `withdrawn`."""
    digest: str
    name: str = ""
    version: str = ""
    replay: str | None
    asked_by: str
    asked_at: datetime
    done_by: str | None
    done_at: datetime | None
    reason: str


class Replay(Said):
    """A replay; its report is in `GET /v1/replays/{id}`."""

    id: str
    digest: str
    since: datetime
    at: datetime
    made_by: str
    looked_at_by: list[str]


class ReplayReport(Replay):
    """A replay with what it found."""

    report: dict[str, Any]


class Shadowing(Said):
    """The candidate in the shadow and what it would have decided otherwise since it began."""

    constitution: Titled
    since: datetime
    started_by: str
    report: dict[str, Any]


class Determined(Said):
    article: str
    verdict: Verdict
    reason: str
    remedy: str
    severity: Severity
    terms: dict[str, Any] | None = None
    """Who must agree, how many, until when, and whether the requester may; only where people are asked."""

    @field_validator("terms", mode="before")
    @classmethod
    def _as_json(cls, terms: Any) -> Any:
        return terms.as_json() if isinstance(terms, ApprovalTerms) else terms


class Answered(Said):
    """A verdict on a described action; nothing was recorded, nothing was done."""

    verdict: Verdict
    stage: Stage
    action: str
    constitution: Titled
    articles: list[Determined]
    explanation: dict[str, Any] | None = None

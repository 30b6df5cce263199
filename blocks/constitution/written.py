"""The constitution as its authors write it: the keys of the document and what they may hold."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)

from blocks.constitution.decisions import Severity, Stage, Verdict
from blocks.constitution.terms import MOST_PEOPLE, ApprovalTerms, Escalation, parse_duration, parse_person

MOST_ARTICLES = 2000
MOST_EXAMPLES = 100
MOST_ACTIONS = 200
MOST_REPLACED = 20

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.-]{0,62}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metadata(Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    version: Annotated[str, Field(pattern=r"^\d{1,9}\.\d{1,9}\.\d{1,9}$")]
    tenant: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] | None = None
    """The only tenant that it may be activated for; any unless given."""
    effective: date | None = None
    title: Annotated[str, Field(max_length=400)] = ""


class Principle(Strict):
    id: Id
    text: Text


class EscalationText(Strict):
    """Who may answer as well when nobody has for so long."""

    after: str
    to: Annotated[list[str], Field(min_length=1, max_length=MOST_PEOPLE)]

    @field_validator("after")
    @classmethod
    def _duration(cls, after: str) -> str:
        parse_duration(after)
        return after

    @field_validator("to")
    @classmethod
    def _people(cls, to: list[str]) -> list[str]:
        return [parse_person(person) for person in to]

    def compiled(self) -> Escalation:
        return Escalation(after=parse_duration(self.after), to=tuple(self.to))


class Terms(Strict):
    """The `approve` block of an article: who must agree, how many, until when, and who is reminded."""

    model_config = ConfigDict(strict=True)

    who: Annotated[list[str], Field(max_length=MOST_PEOPLE)] = []
    quorum: Annotated[int, Field(ge=1, le=MOST_PEOPLE)] = 1
    expires: str = "7d"
    requester: bool = True
    remind: str | None = None
    escalate: EscalationText | None = None

    @field_validator("who")
    @classmethod
    def _people(cls, who: list[str]) -> list[str]:
        for person in who:
            parse_person(person)
        if len(set(who)) < len(who):
            raise ValueError("somebody is named twice")
        return who

    @field_validator("expires", "remind")
    @classmethod
    def _duration(cls, text: str | None) -> str | None:
        if text is not None:
            parse_duration(text)
        return text

    @model_validator(mode="after")
    def _reachable(self) -> "Terms":
        alone = bool(self.who) and all(person.startswith("user:") for person in self.who)
        if alone and self.quorum > len(self.who):
            raise ValueError(
                f"{self.quorum} people must agree, but only {len(self.who)} may; lower `quorum` or name more"
            )
        return self

    def compiled(self) -> ApprovalTerms:
        return ApprovalTerms(
            who=tuple(self.who),
            quorum=self.quorum,
            expires=parse_duration(self.expires),
            requester=self.requester,
            remind=parse_duration(self.remind) if self.remind else None,
            escalate=self.escalate.compiled() if self.escalate else None,
        )


class PastAction(Strict):
    """One entry of an example's `history`: what was decided before."""

    stage: Stage
    action: Text
    verdict: Verdict = "allow"
    ago_seconds: Annotated[float, Field(ge=0, le=10**9)] = 0
    labels: list[Annotated[str, Field(max_length=200)]] = []


class Example(Strict):
    """Facts and the verdict they must get; run by `check_examples`."""

    stage: Stage | None = None
    """The article's first stage unless given."""
    action: Text
    facts: dict[str, Any] = {}
    verdict: Verdict
    approve: Terms | None = None
    """The terms that the article must set, where the verdict is `approve`."""


class ArticleText(Strict):
    id: Id
    principle: Id | None = None
    title: Text
    stages: Annotated[list[Stage], Field(min_length=1, max_length=20)]
    actions: Annotated[list[Glob], Field(min_length=1, max_length=MOST_ACTIONS)] = ["*"]
    when: Text | None = None
    verdict: Verdict
    approve: Terms | None = None
    severity: Severity = "medium"
    reason: Text
    remedy: Annotated[str, Field(max_length=4000)] = ""
    replace: Annotated[dict[Glob, JsonValue], Field(max_length=MOST_REPLACED)] = {}
    """Dotted path of an argument -> what `redact` puts in its place."""
    tests: Annotated[list[Example], Field(max_length=MOST_EXAMPLES)] = []


class Document(Strict):
    apiVersion: Literal["soma/v1"]  # noqa: N815  # the field's name in the file
    kind: Literal["Constitution"]
    metadata: Metadata
    principles: Annotated[list[Principle], Field(max_length=MOST_ARTICLES)] = []
    default: Verdict
    articles: Annotated[list[ArticleText], Field(max_length=MOST_ARTICLES)]


KEYS: dict[str, None] = {
    name: None
    for model in (Document, ArticleText, Example, Metadata, Terms, EscalationText, Principle, PastAction)
    for name in model.model_fields
}
"""Every key there is, to guess what a misspelt one was meant to be."""
PAST = TypeAdapter(Annotated[list[PastAction], Field(max_length=MOST_EXAMPLES)])

"""Questions of a blueprint, and whether a value answers one."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from capsules.fitting import fitted
from capsules.manifest import Name, Strict

QuestionType = Literal["text", "long_text", "number", "integer", "boolean", "select", "multi_select", "date"]
Guess = Literal["repository", "url", "path", "text"]
CHOICES = frozenset({"select", "multi_select"})
BOUNDED = frozenset({"text", "long_text", "number", "integer", "multi_select", "date"})
MOST_CHOICES = 200


class Option(Strict):
    """One of the answers that a question offers."""

    value: Annotated[str, Field(min_length=1, max_length=200)]
    label: str = ""
    """What people read; the value unless given."""
    help: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, said: Any) -> Any:
        if isinstance(said, str):
            return {"value": said, "label": said}
        if isinstance(said, dict) and not said.get("label"):
            return {**said, "label": said.get("value")}
        return said


class Question(Strict):
    """One question of the wizard; its id names the answer."""

    id: Name
    step: str = ""
    """The title of the page that it stands on; questions of one step follow one another."""
    text: str
    help: str = ""
    type: QuestionType = "text"
    options: Annotated[list[Option], Field(max_length=MOST_CHOICES)] = []
    required: bool = True
    default: Any = None
    """The answer of whoever gives none, and of whoever is not asked."""
    condition: str | None = None
    """CEL over `answers` to the questions before; it is asked only where this holds."""
    min: float | date | None = None
    """The least number, the earliest day, or the fewest characters or choices."""
    max: float | date | None = None
    guess: Guess | None = None
    """What of a typed request may answer it; numbers, days and choices are looked for unasked."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if problem := _problem(self):
            raise ValueError(problem)
        return self

    @property
    def values(self) -> list[str]:
        """The values of its options."""
        return [option.value for option in self.options]


class Rule(Strict):
    """What has to hold for all answers together."""

    check: str
    """CEL over `answers`; one that needs an optional answer which was left out does not hold."""
    message: Annotated[str, Field(min_length=1)]
    """What whoever breaks it is told."""
    question: Name | None = None
    """Where to look; about several unless given."""


def _problem(question: Question) -> str | None:
    """What is wrong with the question itself."""
    if (question.type in CHOICES) != bool(question.options):
        return (
            "a select offers `options`" if question.type in CHOICES else f"a {question.type} has no options"
        )
    if len(set(question.values)) != len(question.values):
        return "two options have the same value"
    if question.guess is not None and question.type not in {"text", "long_text"}:
        return "`guess` is for texts; for other types it is known what to look for"
    return _wrong_bounds(question) or _wrong_default(question)


def _wrong_bounds(question: Question) -> str | None:
    bounds: list[Any] = [bound for bound in (question.min, question.max) if bound is not None]
    kind: Any = date if question.type == "date" else float
    if bounds and question.type not in BOUNDED:
        return f"a {question.type} has no `min` and `max`"
    if not all(isinstance(bound, kind) for bound in bounds):
        return "`min` and `max` of a date are days such as 2030-01-31, else numbers"
    if len(bounds) > 1 and bounds[0] > bounds[1]:
        return "`min` is more than `max`"
    return None


def _wrong_default(question: Question) -> str | None:
    if question.default is None:
        return None
    try:
        fitted(question, question.default)
    except ValueError as error:
        return f"the default {error}"
    return None

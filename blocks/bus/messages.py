"""What the steps of one project say to each other: findings, questions and answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from blocks.errors import BadInput
from blocks.memory.checks import as_json, checked_text

Kind = Literal["finding", "question", "answer"]
KINDS: tuple[Kind, ...] = ("finding", "question", "answer")
LONGEST_TEXT = 4_000
"""Characters of one message's text."""
LARGEST_DATA = 20_000
"""Bytes of one message's data as JSON."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message to be published."""

    kind: Kind
    text: str
    data: Any = None
    """Any JSON that a program can read, beside the words."""
    answers: str | None = None
    """The id of the question that an answer is for."""


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who says it: taken from the run, never from the message."""

    name: str
    node: str
    capsule: str
    generation: int = 1
    """How often a person has had the node done anew, counted from 1."""
    token: int = 0
    """The fencing token of the attempt; a step that was taken over by another run says nothing any more."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that is on the bus of a project."""

    id: str
    """Its place: later messages have greater ones."""
    at: datetime
    kind: Kind
    text: str
    data: Any
    answers: str | None
    sender: Sender
    labels: tuple[str, ...]
    """Where the words come from: the labels of all that the sender had taken in."""


def checked(draft: Draft) -> str:
    """The data of a sound draft as JSON, or `BadInput` that says what of it cannot be published."""
    if draft.kind not in KINDS:
        raise BadInput(f"a message is a {', a '.join(KINDS[:-1])} or an {KINDS[-1]}, not {draft.kind!r}")
    checked_text(draft.text, "the text of a message", LONGEST_TEXT)
    written = as_json(draft.data, "the data of a message", LARGEST_DATA)
    if "\0" in draft.text or "\\u0000" in written:
        raise BadInput("a message holds a NUL character", mend="leave it out")
    if (draft.kind == "answer") != (draft.answers is not None):
        raise BadInput("an answer, and nothing else, names the question that it `answers`")
    return written

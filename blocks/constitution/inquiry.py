"""What one decision finds out: facts, and answers of the hub's own functions, each once."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blocks.constitution.fact_paths import Fact, Path
from blocks.constitution.functions import NO_ANSWER
from blocks.constitution.history import History
from blocks.constitution.lexer import ConditionError
from blocks.constitution.quoting import quoted
from blocks.constitution.types import TIMESTAMP
from blocks.constitution.values import MISSING, checked, fact


@dataclass(frozen=True, slots=True)
class Question:
    """A call that can be answered from the facts."""

    text: str
    """The call as source text: the same for every way to write it."""
    name: str
    """What the engine calls it."""
    ask: Callable[["Inquiry"], Any]
    kind: type
    """`bool` or `int`."""
    facts: tuple[Fact, ...]


class Inquiry:
    """One decision's view of the facts, in which nothing is worked out twice."""

    __slots__ = ("_history", "_opened", "_quotes", "answers", "facts", "given", "problems", "unreadable")

    def __init__(self, facts: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> None:
        self.facts = facts
        self.given = given or {}
        """Answers that are taken as they are."""
        self.answers: dict[str, Any] = {}
        """None where there was none: it must stay so when the decision is derived again."""
        self.problems: dict[str, str] = {}
        """The engine's name of a question -> why it has no answer."""
        self.unreadable = False
        self._opened: dict[Path, Any] = {}
        self._quotes: dict[Path, str] = {}
        self._history: History | None = None

    def answer(self, question: Question) -> Any:
        """The question's answer, or what makes the engine fail."""
        text = question.text
        if question.name in self.problems:
            return NO_ANSWER
        if text in self.answers:
            return self.answers[text]
        try:
            found = self.given[text] if text in self.given else question.ask(self)
            if type(found) is not question.kind:
                raise ConditionError("it had no answer" if found is None else "its answer is of a wrong type")
        except Exception as error:  # noqa: BLE001  # no answer lets nothing through
            self.answers[text] = None
            self.problems[question.name] = f"{text}: {error}"
            return NO_ANSWER
        self.answers[text] = found
        return found

    def value(self, wanted: Fact) -> Any:
        """The fact, or a `ConditionError` that names it."""
        return self._checked(wanted, opened=False)

    def opened(self, wanted: Fact) -> Any:
        """The fact with the text of bytes, as detectors search it."""
        if wanted.path not in self._opened:
            self._opened[wanted.path] = self._checked(wanted, opened=True)
        return self._opened[wanted.path]

    def _checked(self, wanted: Fact, *, opened: bool) -> Any:
        value = fact(wanted.path, self.facts)
        if value is MISSING:
            raise ConditionError(f"{wanted} is not given")
        try:
            return checked(value, wanted.kind, opened=opened)
        except ConditionError as error:
            raise ConditionError(f"the fact {wanted} {error.message}") from None

    def quote(self, path: Path) -> str:
        """The fact as a reason may quote it."""
        found = self._quotes.get(path)
        if found is None:
            found = self._quotes[path] = self._quoted(path)
        return found

    def _quoted(self, path: Path) -> str:
        try:
            return quoted(fact(path, self.facts))
        except Exception:  # noqa: BLE001  # a fact that cannot be shown is no reason to have no decision
            return "(cannot be read)"

    def history(self) -> History:
        if self._history is None:
            self._history = History.of(self.facts.get("history"), self._moment())
        return self._history

    def _moment(self) -> datetime | None:
        try:
            return self.now()
        except ConditionError:  # what has nothing to do with time is answered all the same
            return None

    def now(self) -> datetime | None:
        """The action's time; None, which is the clock's, where it has none."""
        value = fact(("time",), self.facts)
        return None if value is MISSING else checked(value, TIMESTAMP)


def name_of(text: str) -> str:
    """A name that the engine takes, of its own for every text."""
    return f"f_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"

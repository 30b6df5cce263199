"""One condition, ready to be asked: checked at load, compiled once, evaluated by the engine."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import cel

from blocks.constitution.checker import check_condition
from blocks.constitution.flattening import Flattener, Reading, merged
from blocks.constitution.functions import ENGINE_NAMES, OWN, items_of
from blocks.constitution.inquiry import Inquiry, Question
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import Node, parse
from blocks.constitution.types import Type
from blocks.constitution.values import HIDDEN, MISSING, checked, fact

_FAILED_FUNCTION = re.compile(r"Function '(\w+)' error")
_UNDEFINED = re.compile(r"Undefined variable or function: '(\w+)'")


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition and what it needs to be evaluated."""

    source: str
    text: str
    """The condition over flat variables, as the engine compiled it."""
    program: cel.Program
    readings: tuple[Reading, ...]
    questions: tuple[Question, ...]
    functions: tuple[str, ...]

    def holds(self, context: cel.Context, inquiry: Inquiry) -> bool:
        """The engine's answer, or a `ConditionError`; whatever the engine throws becomes one."""
        try:
            answer = self.program.execute(context)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # a panic of the engine is no Exception
            raise ConditionError(self._why(error, inquiry)) from None
        if answer is True:
            return True
        if answer is False:
            return False
        raise ConditionError(f"the condition gave a {type(answer).__name__}, not a bool")

    def _why(self, error: BaseException, inquiry: Inquiry) -> str:
        """The engine's complaint, with paths and calls in place of the names that stand for them."""
        text = str(error).split(". ")[0].splitlines()[0][:400] if str(error) else type(error).__name__
        if failed := _FAILED_FUNCTION.match(text):
            return inquiry.problems.get(failed[1]) or _unanswered(failed[1], text)
        if unknown := _UNDEFINED.match(text):
            for reading in self.readings:
                if unknown[1] in reading.names():
                    return _unread(reading, inquiry)
            return f"{unknown[1]}: not defined for what it is given"
        return f"there is no {text}" if isinstance(error, KeyError) else text


def _unanswered(name: str, text: str) -> str:
    """Why a function failed that was given more than facts and literals."""
    shown = next((own for own, used in ENGINE_NAMES.items() if used == name), name)
    return f"{shown}() has no answer to what it is given" if name in OWN else text


def _unread(reading: Reading, inquiry: Inquiry) -> str:
    """Why the engine was not given this fact."""
    try:
        inquiry.value(reading.fact)
    except Exception as error:  # noqa: BLE001  # a fact may fail in any way; the reason is what counts
        return str(error)
    return f"{reading} cannot be read"


def compile_condition(source: str, variables: Mapping[str, Type]) -> Condition:
    """The condition, checked against the variables of one stage, or a `ConditionError`."""
    tree = tree_of(source)
    check_condition(tree, variables)
    flattener = Flattener(variables)
    text = flattener.write(tree)
    try:
        program = compiled(text)
    except Exception as error:  # noqa: BLE001  # the engine's parser has the last word on what it takes
        raise ConditionError(f"the engine does not take it: {str(error).splitlines()[0]}") from None
    used = tuple(name for name in program.functions() if name in OWN)
    return Condition(source, text, program, flattener.readings(), tuple(flattener.questions.values()), used)


@lru_cache(maxsize=2048)
def tree_of(source: str) -> Node:
    """The parsed condition; an article that speaks of many stages is parsed once."""
    return parse(source)


@lru_cache(maxsize=4096)
def compiled(text: str) -> cel.Program:
    """The engine's program; the same text is the same program, which keeps no state."""
    return cel.compile(text)


@dataclass(frozen=True, slots=True)
class Needs:
    """What several conditions read and ask, each once."""

    readings: tuple[Reading, ...]
    questions: tuple[Question, ...]
    functions: Mapping[str, Any]

    @classmethod
    def of(cls, conditions: Iterable[Condition]) -> "Needs":
        given = list(conditions)
        readings = merged(reading for condition in given for reading in condition.readings)
        return cls(
            readings,
            tuple({question.name: question for one in given for question in one.questions}.values()),
            {name: OWN[name] for condition in given for name in condition.functions},
        )

    def context(self, inquiry: Inquiry) -> cel.Context:
        """The engine's view of the facts.

        What is missing, withheld or of a wrong type is left out: the conditions that come to read it
        cannot be evaluated, and no others.
        """
        functions = dict(self.functions)
        for question in self.questions:
            functions[question.name] = partial(inquiry.answer, question)
        return cel.Context(self._variables(inquiry.facts), functions)

    def _variables(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for reading in self.readings:
            try:
                value = fact(reading.fact.path, facts)
                if reading.presence and value is not HIDDEN:
                    found[reading.presence] = value is not MISSING
                if value is not MISSING and (reading.value or reading.items or reading.tests):
                    shown = checked(value, reading.fact.kind)
                    for name, words in reading.tests:
                        found[name] = shown in words
                    if reading.value:
                        found[reading.value] = shown
                    if reading.items:
                        found[reading.items] = items_of(shown)
            except Exception:  # noqa: BLE001, S112  # `_unread` says later what is wrong, if anybody reads it
                continue
        return found


def context_of(condition: Condition, inquiry: Inquiry) -> cel.Context:
    """The engine's view of the facts for one condition alone."""
    return Needs.of([condition]).context(inquiry)

"""One condition, ready to be asked: checked at load, compiled once, evaluated by the engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cel

from blocks.constitution.checker import check_condition
from blocks.constitution.flattening import MISSING, Flattener, Reading, checked, fact
from blocks.constitution.functions import OWN
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import parse
from blocks.constitution.types import Type


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition and what it needs to be evaluated."""

    program: cel.Program
    readings: tuple[Reading, ...]
    functions: tuple[str, ...]

    def holds(self, context: cel.Context | None) -> bool:
        """The engine's answer, or a `ConditionError`; whatever the engine throws becomes one."""
        try:
            answer = self.program.execute(context)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # a panic of the engine is no Exception
            raise ConditionError(self._why(error)) from None
        if answer is True:
            return True
        if answer is False:
            return False
        raise ConditionError(f"the condition gave a {type(answer).__name__}, not a bool")

    def _why(self, error: BaseException) -> str:
        """The engine's complaint, with paths of facts in place of the variables that stand for them."""
        text = str(error).split(". ")[0].splitlines()[0][:400] or type(error).__name__
        for reading in self.readings:
            if reading.value and f"'{reading.value}'" in text and "Undefined" in text:
                return f"{'.'.join(reading.path)} is not given"
        return f"there is no {text}" if isinstance(error, KeyError) else text


def compile_condition(source: str, variables: Mapping[str, Type]) -> Condition:
    """The condition, checked against the variables of one stage, or a `ConditionError`."""
    tree = parse(source)
    check_condition(tree, variables)
    flattener = Flattener(variables)
    try:
        cel.compile(source)
        program = cel.compile(flattener.write(tree))
    except Exception as error:  # noqa: BLE001  # the engine's parser has the last word on what it takes
        raise ConditionError(f"the engine does not take it: {str(error).splitlines()[0]}") from None
    used = tuple(name for name in program.functions() if name in OWN)
    return Condition(program, flattener.readings(), used)


def context_of(
    readings: Iterable[Reading], functions: Iterable[str], facts: Mapping[str, Any]
) -> cel.Context:
    """The engine's view of the facts that are read."""
    context = cel.Context()
    for name in functions:
        context.add_function(name, OWN[name])
    for reading in readings:
        value = fact(reading.path, facts)
        if reading.presence:
            context.add_variable(reading.presence, value is not MISSING)
        if reading.value and value is not MISSING:
            context.add_variable(reading.value, checked(value, reading))
    return context

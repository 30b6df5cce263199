"""One condition, ready to be asked: checked at load, compiled once, evaluated by the engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cel

from blocks.constitution.checker import check_condition
from blocks.constitution.functions import OWN
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import parse
from blocks.constitution.projection import paths_of
from blocks.constitution.types import Type


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition and what it needs to be evaluated."""

    program: cel.Program
    paths: tuple[tuple[str, ...], ...]
    functions: tuple[str, ...]

    def holds(self, context: cel.Context | None) -> bool:
        """The engine's answer, or a `ConditionError`; whatever the engine throws becomes one."""
        try:
            answer = self.program.execute(context)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # a panic of the engine is no Exception
            raise ConditionError(_why(error)) from None
        if answer is True or answer is False:
            return bool(answer)
        raise ConditionError(f"the condition gave a {type(answer).__name__}, not a bool")


def compile_condition(source: str, variables: Mapping[str, Type]) -> Condition:
    """The condition, checked against the variables of one stage, or a `ConditionError`."""
    tree = parse(source)
    check_condition(tree, variables)
    try:
        program = cel.compile(source)
    except Exception as error:  # noqa: BLE001  # the engine's parser has the last word on what it takes
        raise ConditionError(f"the engine does not take it: {str(error).splitlines()[0]}") from None
    used = tuple(name for name in program.functions() if name in OWN)
    return Condition(program, tuple(dict.fromkeys(paths_of(tree))), used)


def context_of(facts: Mapping[str, Any], functions: tuple[str, ...]) -> cel.Context:
    """The engine's view of the facts."""
    context = cel.Context()
    for name in functions:
        context.add_function(name, OWN[name])
    try:
        for name, value in facts.items():
            context.add_variable(name, value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ConditionError(_why(error)) from None
    return context


def _why(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]!r}"
    return str(error).split(". ")[0].splitlines()[0][:200] or type(error).__name__

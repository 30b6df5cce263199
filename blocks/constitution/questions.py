"""Calls of the hub's own functions that can be answered without the engine.

A call over facts and literals only, such as `has_secret(task.arguments)`, becomes a function without
arguments: the engine asks it where the expression needs it, and no argument is copied into the engine.
"""

import json
from collections.abc import Callable
from typing import Any

from blocks.constitution import parser
from blocks.constitution.fact_paths import Fact, Path, path_of
from blocks.constitution.functions import DETECTORS, QUESTIONS
from blocks.constitution.history_calls import asks_history, history_question
from blocks.constitution.inquiry import Inquiry, Question, name_of
from blocks.constitution.parser import Node
from blocks.constitution.types import Type
from blocks.constitution.values import MISSING


def question_of(node: Node, bound: frozenset[str], kind_of: Callable[[Path], Type]) -> Question | None:
    """The call as a question, unless it is another call or reads a macro's variable."""
    if not isinstance(node, parser.Call):
        return None
    if asks_history(node):
        return history_question(node)
    if node.name not in QUESTIONS:
        return None
    operands = [*([node.owner] if node.owner else []), *node.arguments]
    found = [_operand(operand, bound, kind_of) for operand in operands]
    if MISSING in found:
        return None
    ask = _asked(node.name, found)
    facts = tuple(item for item in found if isinstance(item, Fact))
    text = f"{node.name}({', '.join(_shown(item) for item in found)})"
    return Question(text, name_of(text), ask, int if node.name == "size" else bool, facts)


def _asked(name: str, operands: list[Any]) -> Callable[[Inquiry], Any]:
    function, opened = QUESTIONS[name], name in DETECTORS

    def ask(inquiry: Inquiry) -> Any:
        values = []
        for number, operand in enumerate(operands):
            if not isinstance(operand, Fact):
                values.append(operand)
            else:
                values.append(inquiry.opened(operand) if opened and not number else inquiry.value(operand))
        return function(*values)

    return ask


def _operand(node: Node, bound: frozenset[str], kind_of: Callable[[Path], Type]) -> Any:
    """A fact or a literal value; MISSING for anything else."""
    if isinstance(node, parser.Literal) and node.kind == "string":
        return node.value
    if isinstance(node, parser.ListOf):
        items = [_operand(item, bound, kind_of) for item in node.items]
        return MISSING if any(not isinstance(item, str) for item in items) else items
    path = path_of(node)
    if path is None or path[0] in bound:
        return MISSING
    return Fact(path, kind_of(path))


def _shown(operand: Any) -> str:
    return str(operand) if isinstance(operand, Fact) else json.dumps(operand)

"""Conditions of nodes: CEL over the results of what a node needs, checked when the plan is made.

The engine and the type checker are the constitution's: a misspelt name is an error of the plan, not a
condition that silently never holds.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from blocks.constitution.conditions import Condition, compile_condition, context_of
from blocks.constitution.inquiry import Inquiry
from blocks.constitution.lexer import ConditionError
from blocks.constitution.types import DYN, Type, map_of


def word(node: str) -> str:
    """What a condition calls a node: `results.my_node` for `my-node`."""
    return node.replace("-", "_").replace(".", "_")


def parse_when(source: str, needs: Iterable[str]) -> Condition:
    """The condition over the results of these nodes, or a `ValueError` that names what is wrong and where."""
    fields = tuple((word(need), map_of(DYN)) for need in needs)
    variables = {"inputs": map_of(DYN)}
    if fields:
        variables["results"] = Type("results", fields=fields)
    try:
        return compile_condition(source, variables)
    except ConditionError as error:
        place = f" at character {error.position + 1}" if error.position else ""
        raise ValueError(f"`when` ({source!r}){place}: {error.message}") from None


def asked_of(condition: Condition) -> set[str]:
    """The words of the nodes whose results the condition reads."""
    facts = [reading.fact for reading in condition.readings]
    facts += [fact for question in condition.questions for fact in question.facts]
    return {fact.path[1] for fact in facts if len(fact.path) > 1 and fact.path[0] == "results"}


def holds(condition: Condition, results: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
    """Whether the condition is true of these results, by word; a `ValueError` tells why nobody can say."""
    inquiry = Inquiry({"results": results, "inputs": inputs})
    try:
        return condition.holds(context_of(condition, inquiry), inquiry)
    except ConditionError as error:
        raise ValueError(f"`when` ({condition.source!r}) has no answer: {error.message}") from None

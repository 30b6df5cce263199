"""What is known of the actions that can happen: their names at each stage, and their arguments."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from blocks.constitution.decisions import Stage
from blocks.constitution.globs import like
from blocks.constitution.types import DYN, STRING, Type

Parameters = Mapping[str, Type]
_WILD = frozenset("*?[")
_ARGUMENTS: Mapping[str, str] = {"tool": "arguments", "task": "arguments", "capsule": "inputs"}
"""The variables that hold an action's arguments, and their field that does."""
_SAME_NAMES: Mapping[Stage, Stage] = {"tool.result": "tool.call", "plan.node": "capsule.start"}
"""Stages at which the actions of another stage are named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signatures:
    """The known actions of each stage with the types of their arguments; None where any may be given."""

    actions: Mapping[Stage, Mapping[str, Parameters | None]] = field(default_factory=dict)

    def of(self, stage: Stage) -> Mapping[str, Parameters | None]:
        return self.actions.get(_SAME_NAMES.get(stage, stage), {})

    def refined(
        self, stage: Stage, patterns: Sequence[str], variables: Mapping[str, Type]
    ) -> Mapping[str, Type]:
        """The variables of an article about known actions, with the arguments that these really take.

        Where a pattern fits no known action, or every action there may be, nothing is refined: the article
        may speak of a tool that is not installed here.
        """
        known = self.of(stage)
        fitting = [[name for name in known if like(name, pattern)] for pattern in patterns]
        if stage == "plan.node" or "*" in patterns or not all(fitting):
            return variables
        taken = [known[name] for names in fitting for name in names]
        if any(parameters is None for parameters in taken):
            return variables
        return _with_arguments(variables, _merged(parameters for parameters in taken if parameters))

    def unknown(self, stages: Sequence[Stage], patterns: Sequence[str]) -> Iterator[tuple[int, str]]:
        """The patterns that fit no action known at these stages, each with what may have been meant."""
        if not all(self.of(stage) for stage in stages):
            return  # a stage whose actions are not known here
        names = {name: None for stage in stages for name in self.of(stage)}
        for number, pattern in enumerate(patterns):
            if pattern.startswith("*"):
                continue  # a kind of action, whoever offers it
            if not any(like(name, pattern) for name in names):
                near = get_close_matches(pattern, names, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                what = "no installed action fits" if _WILD & set(pattern) else "there is no installed action"
                yield number, f"{what} {pattern!r}{meant}"


def _merged(all_parameters: Iterable[Parameters]) -> dict[str, Type]:
    """Every argument that one of the actions takes; of any type where they differ."""
    merged: dict[str, Type] = {}
    for parameters in all_parameters:
        for name, kind in parameters.items():
            merged[name] = kind if merged.get(name, kind) == kind else DYN
    return merged


def _with_arguments(variables: Mapping[str, Type], parameters: Parameters) -> Mapping[str, Type]:
    # A map that also has fields: `in`, `[...]` and macros go on working, a misspelt field does not.
    arguments = Type("map", (STRING, DYN), fields=tuple(parameters.items()))
    return {name: _refined(name, kind, arguments) for name, kind in variables.items()}


def _refined(name: str, kind: Type, arguments: Type) -> Type:
    held = _ARGUMENTS.get(name)
    if held not in dict(kind.fields):
        return kind
    fields = tuple((key, arguments if key == held else inner) for key, inner in kind.fields)
    return replace(kind, fields=fields)

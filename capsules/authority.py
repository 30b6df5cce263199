"""Authority: what a node may do, decided when it was planned, and how a part of it is handed on."""

from collections.abc import Mapping
from typing import Any

from blocks.constitution.closeness import closest
from blocks.constitution.globs import like
from capsules.frozen import Frozen


class NodeAuthority(Frozen):
    """What a node may do, decided when it was planned; its run cannot widen it."""

    tools: dict[str, dict[str, Any]] = {}
    memory: list[str] = []
    budget: dict[str, float] = {}

    def hand_on(self, asked: "NodeAuthority") -> "NodeAuthority":
        """What was asked for, under every limit of this authority.

        Raises `ValueError` that names everything asked for that this authority does not have.
        """
        problems: list[str] = []
        tools = _tools(self.tools, asked.tools, problems)
        beyond = [scope for scope in asked.memory if scope not in self.memory]
        problems += [f"the memory scope {scope!r}{closest(scope, self.memory)}" for scope in beyond]
        for kind, limit in asked.budget.items():
            most = self.budget.get(kind, limit)
            if limit > most:
                problems.append(f"a budget of {limit:g} {kind} (at most {most:g})")
        if problems:
            raise ValueError(f"it may not be given {'; '.join(problems)}")
        return NodeAuthority(tools=tools, memory=asked.memory, budget={**self.budget, **asked.budget})

    def shared_with(self, declared: "NodeAuthority") -> "NodeAuthority":
        """As much of what a capsule declares as this authority has."""
        budget = {kind: min(limit, self.budget.get(kind, limit)) for kind, limit in declared.budget.items()}
        tools: dict[str, dict[str, Any]] = {}
        for name, limits in declared.tools.items():
            unfit: list[str] = []
            found = _tools(self.tools, {name: limits}, unfit)
            tools.update({} if unfit else found)
        memory = [scope for scope in declared.memory if scope in self.memory]
        return NodeAuthority(tools=tools, memory=memory, budget={**self.budget, **budget})


def _tools(
    had: Mapping[str, dict[str, Any]], asked: Mapping[str, dict[str, Any]], problems: list[str]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, limits in asked.items():
        givers = [had[name]] if name in had else [limit for glob, limit in had.items() if _covers(glob, name)]
        if not givers:
            problems.append(f"the tool {name!r}{closest(name, had) if had else '; it has none'}")
            continue
        merged = dict(limits)
        for giver in givers:
            for argument, limit in giver.items():
                if not _within(merged.setdefault(argument, limit), limit):
                    problems.append(f"the tool {name!r} with {argument!r} beyond its limit {limit!r}")
        found[name] = merged
        if _is_glob(name):  # what the same authority limits by name stays limited under the glob
            found |= {other: dict(had[other]) for other in had if other != name and like(other, name)}
    return found


def _covers(glob: str, name: str) -> bool:
    return not _is_glob(name) and like(name, glob)


def _is_glob(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _within(asked: Any, limit: Any) -> bool:
    """Whether one limit of an argument surely allows no more than another."""
    numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in (asked, limit))
    return bool(asked <= limit) if numbers else bool(asked == limit)

"""Nodes that become others: mapped over lists or unfolded from results, and gathered at the end."""

import asyncio
from collections.abc import Callable
from typing import Any

from blocks.errors import SomaError
from blocks.records.expansion import Child, TooManyNodes, expand_node
from blocks.records.tables import NodeRecord, NodeState, Project
from capsules.binding import GATHERED, MISSING, bind, count_items, follow
from capsules.children import CannotExpand, Place, map_children, plan_children
from capsules.driver.standing import Standing
from capsules.environment import Environment
from capsules.node import MOST_CHILDREN
from capsules.plan import PlanNode

ITEMS = "items"
"""The part of a map's result that lists the documents of its children."""
FAILED = "failed"
"""The part of a gathered result that says which children gave nothing, and why."""


class Expanding:
    """Turns nodes of one project into others, and their results into one."""

    def __init__(self, opened: Environment, project: Project) -> None:
        self.opened = opened
        self.project = project

    async def map_over(self, node: PlanNode, standing: Standing) -> list[NodeRecord]:
        """Make a child for each item; `CannotExpand` tells why that cannot be done."""
        each = node.each if isinstance(node.each, list) else bind(node.each, standing.results(), {})
        return await self._record(node, await asyncio.to_thread(self._mapped, node, each))

    async def unfold(self, node: PlanNode, reference: dict[str, Any]) -> list[NodeRecord]:
        """Make the nodes that the node's own result asks for; `CannotExpand` tells why not."""
        return await self._record(node, await asyncio.to_thread(self._planned, node, reference))

    async def gather(self, node: PlanNode, standing: Standing) -> tuple[NodeState, str | None, Any]:
        """How the node ends now that its children have: state, reason, and the reference of its result."""
        names = standing.children(node.id)
        bad = [name for name in names if _is_bad(standing, name)]
        if len(bad) > node.may_fail:
            return _verdict(standing, node, names, bad)
        given = {name: standing.results().get(name) for name in names}
        labels = {label for item in given.values() if item for label in item.get("labels", ())}
        own = standing.results().get(node.id)
        document = await self._document(node, standing, own, given)
        labels.update((own or {}).get("labels", ()))
        written = await self.opened.results.write(document)
        return "completed", None, {**written, "labels": sorted(labels), GATHERED: node.expand or ITEMS}

    async def _document(
        self, node: PlanNode, standing: Standing, own: dict[str, Any] | None, given: dict[str, Any]
    ) -> dict[str, Any]:
        short = {name: name.removeprefix(f"{node.id}.") for name in given}
        failed = {short[name]: standing.why(name) for name, item in given.items() if item is None}
        if node.expand is None:
            return {ITEMS: list(given.values()), FAILED: failed}
        said = await self.opened.results.read(own) if own is not None else {}
        return {**said, node.expand: {short[name]: item for name, item in given.items()}, FAILED: failed}

    async def _record(self, node: PlanNode, children: list[Child]) -> list[NodeRecord]:
        try:
            return await expand_node(
                self.opened.database,
                self.project.id,
                node.id,
                children,
                fence=self.project.fence,
                heard=self.project,
            )
        except TooManyNodes as error:
            raise CannotExpand(error.message) from None

    def _mapped(self, node: PlanNode, each: Any) -> list[Child]:
        if each is MISSING:  # a source that it can do without, and that gave nothing
            return []
        if isinstance(each, list):
            return map_children(node, len(each), lambda index: _part_of(each[index], index))
        try:
            count = count_items(each, self.opened.results.fetch)
        except SomaError as error:
            raise CannotExpand(f"`each` has no list to go over: {error.message}") from None
        if count > MOST_CHILDREN:
            raise CannotExpand(f"`each` has {count:,} items; at most {MOST_CHILDREN:,} are mapped over")
        return map_children(node, count, _referring(each))

    def _planned(self, node: PlanNode, reference: dict[str, Any]) -> list[Child]:
        document = self.opened.results.fetch(reference)
        return plan_children(node, document.get(str(node.expand)), reference)


def _part_of(item: Any, index: int) -> Place:
    def part(path: list[str | int]) -> Any:
        try:
            return follow(item, path)
        except SomaError as error:
            raise CannotExpand(f"`each[{index}]`: {error.message}") from None

    return part


def _referring(each: dict[str, Any]) -> Callable[[int], Place]:
    """What stands for parts of the items of a recorded list: references into it."""
    path = each.get("path") or []
    steps = path.split(".") if isinstance(path, str) else list(path)
    return lambda index: lambda inner: {"$result": each["$result"], "path": [*steps, index, *inner]}


def _is_bad(standing: Standing, name: str) -> bool:
    return standing.state(name) in {"failed", "denied", "cancelled"} and not standing.tolerated(name)


def _verdict(
    standing: Standing, node: PlanNode, names: list[str], bad: list[str]
) -> tuple[NodeState, str, None]:
    state: NodeState = "denied" if all(standing.state(name) == "denied" for name in bad) else "failed"
    most = f", and at most {node.may_fail} may" if node.may_fail else ""
    reason = f"{len(bad)} of its {len(names)} nodes gave nothing{most}: {bad[0]} {standing.why(bad[0])}"
    return state, reason, None

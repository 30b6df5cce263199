"""Whether a node's condition lets it run, asked of the results that are recorded by then."""

import asyncio
from typing import Any

from blocks.records.tables import NodeState, Project
from capsules.binding import open_result
from capsules.conditions import asked_of, holds, parse_when, word
from capsules.driver.standing import Standing
from capsules.environment import Environment
from capsules.plan import PlanNode


async def unmet(
    opened: Environment, project: Project, node: PlanNode, standing: Standing
) -> tuple[NodeState, str] | None:
    """The state that the node's condition leads to, and why; None when the node may run."""
    if node.when is None:
        return None
    words = words_of(node, standing.lines[node.id].parent)
    try:
        condition = parse_when(node.when, words.values())
        read = asked_of(condition)
        results = {
            name: await _document(opened, standing, need)
            for need, name in words.items()
            if name in read and standing.state(need) == "completed"
        }
        if holds(condition, results, project.inputs):
            return None
    except ValueError as error:
        return "failed", str(error)
    return "skipped", f"its condition does not hold: {node.when}"


def words_of(node: PlanNode, parent: str | None) -> dict[str, str]:
    """What the condition calls each of the node's needs: siblings that came at run time go by short names."""
    return {need: word(need.removeprefix(f"{parent}.") if parent else need) for need in node.needs}


async def _document(opened: Environment, standing: Standing, need: str) -> Any:
    reference = standing.results()[need]
    return await asyncio.to_thread(open_result, reference, "", opened.results.fetch)

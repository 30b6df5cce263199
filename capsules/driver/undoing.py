"""Taking back: nodes that undo what completed nodes did, one after another, the latest first."""

from blocks.errors import NotFound
from blocks.records.tables import NodeRecord, Project
from blocks.records.undoing import Undoing, record_undoing
from capsules.authority import NodeAuthority
from capsules.catalogue import find_capsule
from capsules.driver.standing import Standing
from capsules.environment import Environment
from capsules.plan import UNDOING, PlanNode
from capsules.runtime import planned_kind


async def take_back(
    opened: Environment, project: Project, standing: Standing, *, cancelled: bool
) -> list[NodeRecord]:
    """Add a node for each completed one that says how it is undone, if the plan wants that; those added.

    They are ordinary governed nodes. Each waits for the one before and goes on without it. They are added
    all at once, so a driver that finds one of them adds none.
    """
    if any(name.startswith(UNDOING) for name in standing.lines):
        return []
    plan = standing.plan
    wanted = plan.on_cancel if cancelled else plan.on_failure
    if wanted != "undo" or (not cancelled and standing.verdict()[0] == "completed"):
        return []
    chain: list[Undoing] = []
    for node in _done(standing):
        chain.append(_undoing(node, _most(node, standing), chain[-1].node if chain else None))
    return await record_undoing(opened.database, project.id, chain, fence=project.fence, heard=project)


def outcome(standing: Standing) -> str:
    """What became of the taking back, in words; empty where nothing was to be taken back."""
    lines = [line for name, line in standing.lines.items() if name.startswith(UNDOING)]
    told = ", ".join(str(line.parent) for line in lines if line.state == "completed")
    parts = [f"took back {told}"] if told else []
    parts += [
        f"could not take back {line.parent}, which {standing.why(line.node)}"
        for line in lines
        if line.state != "completed"
    ]
    return "; ".join(parts)


def _done(standing: Standing) -> list[PlanNode]:
    """The completed nodes that can be undone, the latest first; a template's undo is that of its children."""
    lines = [line for line in standing.lines.values() if line.state == "completed" and line.ended_at]
    lines.sort(key=lambda line: (line.ended_at, line.position), reverse=True)
    nodes = [standing.nodes[line.node] for line in lines]
    return [node for node in nodes if node.undo is not None and node.each is None]


def _most(node: PlanNode, standing: Standing) -> NodeAuthority | None:
    """What the undoing of a node that came at run time may do at most: what the node that made it may."""
    parent = standing.lines[node.id].parent
    return standing.nodes[parent].authority if parent is not None else None


def _undoing(node: PlanNode, most: NodeAuthority | None, previous: str | None) -> Undoing:
    undo, name = node.undo, f"{UNDOING}{node.id}"
    if undo is None:
        raise ValueError("the node says nothing of how it is undone")
    title = undo.title or f"Take back: {node.title}"
    before = [previous] if previous is not None else []
    try:
        manifest = find_capsule(undo.capsule).manifest
    except NotFound as missing:
        version = undo.version or "0.0.0"
        spec = PlanNode(id=name, title=title, capsule=undo.capsule, version=version, needs=[node.id])
        return Undoing(node=name, parent=node.id, spec=_document(spec), failed=missing.message)
    declared = NodeAuthority(
        tools=manifest.tools, memory=list(manifest.memory), budget=manifest.budget.limits()
    )
    spec = PlanNode(
        id=name,
        title=title,
        capsule=manifest.name,
        version=undo.version or manifest.version,
        inputs=undo.inputs,
        needs=[node.id, *before],
        tolerates=before,
        authority=declared if most is None else most.shared_with(declared),
        runtime=planned_kind(manifest.runtime),
        attempts=manifest.runtime.attempts,
    )
    return Undoing(node=name, parent=node.id, spec=_document(spec))


def _document(node: PlanNode) -> dict[str, object]:
    return node.model_dump(mode="json", exclude_defaults=True)

"""A project as a drawing: each node in the colour of its state, or of what is foreseen for it."""

from collections.abc import Collection, Sequence

from ui.wire import ProjectDetail
from ui.wire_intake import PlannedNode, Preview
from ui.wizard.drawing import Box, picture
from ui.wizard.words import CHIPS, state_word, took


def of_project(view: ProjectDetail) -> str:
    """The project as it stands."""
    boxes = [
        Box(
            id=node.node,
            title=node.title,
            note=" ".join(filter(None, [state_word(node.state), took(node.started_at, node.ended_at)])),
            look=CHIPS.get(node.state, "quiet"),
            needs=node.needs,
        )
        for node in view.nodes
    ]
    done = sum(node.state == "completed" for node in view.nodes)
    return picture(boxes, spoken=f"The plan: {done} of {len(boxes)} nodes completed")


def of_preview(preview: Preview) -> str:
    """What a launch would do."""
    needs: dict[str, list[str]] = {node.id: [] for node in preview.nodes}
    for edge in preview.edges:
        needs.setdefault(edge.target, []).append(edge.source)
    boxes = [
        Box(id=node.id, title=node.title, note=note_of(node), look=look_of(node), needs=needs[node.id])
        for node in preview.nodes
    ]
    return picture(boxes, spoken=f"The plan with {len(boxes)} nodes")


def look_of(node: PlannedNode) -> str:
    if node.refused:
        return "bad"
    return "asks" if node.asks else "quiet"


def note_of(node: PlannedNode) -> str:
    """What is foreseen for a node, in two words."""
    if node.refused:
        return "will be refused"
    if node.approval is not None:
        return "asks people first"
    return "may ask people" if node.asks else touches(node)


def touches(node: PlannedNode) -> str:
    """How much a node may touch, in a few words."""
    count = len(node.tools)
    return f"{count} tool{'' if count == 1 else 's'}" if count else "no tools"


def legend(pairs: Sequence[tuple[str, str]], used: Collection[str]) -> str:
    """What the colours say that are used."""
    marks = "".join(f'<span class="chip {look}">{word}</span> ' for look, word in pairs if look in used)
    return f'<p class="legend">{marks}</p>'

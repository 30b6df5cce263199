"""A project as it looks in the terminal: its nodes in order, what each needs, how far it is and why not."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ui.cli.terminal import MARKS, STYLES, elapsed, plain, word
from ui.wire import Node, ProjectDetail

SHOWN_NEEDS = 3


def board(view: ProjectDetail) -> RenderableType:
    """The whole project."""
    return Group(headline(view), nodes(view), *(Text("  " + plain(line), "red") for line in reasons(view)))


def headline(view: ProjectDetail) -> Text:
    done = sum(node.state == "completed" for node in view.nodes)
    parts: list[str | Text | tuple[str, str | Style]] = [
        (plain(view.title), "bold"),
        f"  {view.id}  ",
        word(view.state),
        f"  {done} of {len(view.nodes)}  {elapsed(view.launched_at, view.ended_at)}",
    ]
    return Text.assemble(*parts)


def nodes(view: ProjectDetail) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=3, justify="right")
    for name in ("node", "state", "time", "remark"):
        table.add_column(no_wrap=name in {"state", "time"}, overflow="fold")
    titles = {node.node: node.title for node in view.nodes}
    states = {node.node: node.state for node in view.nodes}
    for node in view.nodes:
        style = STYLES.get(node.state, "")
        table.add_row(
            Text(MARKS.get(node.state, " "), style),
            Text(plain(node.title), "bold" if node.state == "running" else ""),
            word(node.state),
            Text(elapsed(node.started_at, node.ended_at), "dim"),
            Text(remark(node, titles, states), "dim"),
        )
    return table


def remark(node: Node, titles: dict[str, str], states: dict[str, str]) -> str:
    """What is worth knowing about a node beside its state."""
    if node.state in {"failed", "denied", "skipped", "cancelled"}:
        return plain(node.reason or "")
    if node.state == "waiting":
        return _needs(
            [plain(titles.get(need, need)) for need in node.needs if states.get(need) != "completed"]
        )
    return f"attempt {node.attempt}" if node.attempt > 1 else ""


def _needs(open_needs: list[str]) -> str:
    if not open_needs:
        return ""
    more = len(open_needs) - SHOWN_NEEDS
    shown = ", ".join(open_needs[:SHOWN_NEEDS])
    return f"needs {shown}" + (f" and {more} more" if more > 0 else "")


def reasons(view: ProjectDetail) -> Iterator[str]:
    if view.reason and view.state not in {"planned", "running", "completed"}:
        yield view.reason


def changes(before: ProjectDetail | None, after: ProjectDetail) -> Iterator[str]:
    """What happened between two looks, as plain lines for a log."""
    old = {node.node: (node.state, node.attempt) for node in before.nodes} if before else {}
    for node in after.nodes:
        if node.state == "waiting" or old.get(node.node) == (node.state, node.attempt):
            continue
        parts = [plain(node.title), node.state.replace("_", " ")]
        if node.started_at and node.ended_at:
            parts.append(elapsed(node.started_at, node.ended_at))
        if node.attempt > 1:
            parts.append(f"attempt {node.attempt}")
        if node.reason:
            parts.append(plain(node.reason))
        yield " · ".join(parts)
    if before is None or before.state != after.state:
        why = "".join(f": {plain(reason)}" for reason in reasons(after))
        yield f"project {after.id} {after.state.replace('_', ' ')}{why}"

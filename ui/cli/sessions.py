"""Sessions and previews as the terminal shows them."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ui.cli.terminal import columns, plain
from ui.wire_intake import Forecast, PlannedNode, Preview, Session

VERDICTS = {
    "allow": "green",
    "warn": "yellow",
    "redact": "yellow",
    "approve": "bold yellow",
    "deny": "bold red",
    "depends": "cyan",
}


def show_sessions(found: Sequence[Session], screen: Console) -> None:
    """One's own sessions, the newest first."""
    if not found:
        screen.print("you have no open session; `soma new` begins one")
        return
    table = columns("id", "blueprint", "worked on")
    for session in found:
        table.add_row(
            Text(session.id, "bold"),
            plain(session.blueprint or "-"),
            f"{session.updated_at:%Y-%m-%d %H:%M}",
            Text(plain(session.title)),
        )
    screen.print(table)


def show_preview(preview: Preview, screen: Console) -> None:
    """The plan in its order: what each node may touch, and what the constitution will say to it."""
    screen.print(Text.assemble(("plan  ", "bold"), f"{plain(preview.title)}  ", (preview.plan_digest, "dim")))
    table = columns("node", "capsule", "verdict")
    for node in preview.nodes:
        table.add_row(
            Text(plain(node.title), "bold"),
            plain(node.capsule),
            _verdict(worst(node)),
            Text(plain(_touches(node)), "dim"),
        )
    screen.print(table)
    for node in preview.nodes:
        _remarks(node, screen)
    screen.print(Text.assemble("launch: ", _verdict(preview.launch), f"  {plain(preview.launch.reason)}"))
    for warning in preview.warnings:
        screen.print(Text(plain(warning), "yellow"))


def worst(node: PlannedNode) -> Forecast:
    """The forecast that stands most in the node's way."""
    order = list(VERDICTS)
    ranked = {**{name: place for place, name in enumerate(order)}, "depends": 0.5}
    return max(node.forecasts, key=lambda item: ranked[item.verdict])


def _verdict(item: Forecast) -> Text:
    return Text(item.verdict, VERDICTS.get(item.verdict, ""))


def _touches(node: PlannedNode) -> str:
    parts = [f"{len(node.tools)} tools" if node.tools else "", "memory: " + ", ".join(node.memory)]
    parts = [part for part in parts if part and not part.endswith(": ")]
    parts += [f"{amount:g} {kind}" for kind, amount in node.budget.items()]
    return "; ".join([*parts, f"after {', '.join(node.needs)}"] if node.needs else parts)


def _remarks(node: PlannedNode, screen: Console) -> None:
    if node.approval is not None:
        screen.print(Text(f"  {plain(node.title)} asks first: {plain(node.approval.question)}", "yellow"))
    for item in node.forecasts:
        if item.verdict in {"approve", "deny"}:
            line = f"  {plain(node.title)}: {item.stage} {item.action}: article {item.article}: {item.reason}"
            screen.print(Text(plain(line), VERDICTS[item.verdict]))

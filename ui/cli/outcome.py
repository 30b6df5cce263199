"""How a project came out: what it delivered and where, or why it did not."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from blocks.settings import load_settings
from ui.cli.question import audit_in, verdict
from ui.cli.terminal import plain, size
from ui.client import HubClient
from ui.wire import Artifact, ProjectDetail


def tell_outcome(client: HubClient, view: ProjectDetail, console: Console) -> int:
    """Say how the project ended, and return the exit code that it earned."""
    if view.state != "completed":
        _tell_failure(view, console)
        return 2 if is_bad_input(view) else 1
    for approval in client.approvals(state=None, project=view.id):
        if audit := audit_in(approval.details):
            console.print(verdict(audit))
    for node in view.nodes:
        if node.state in {"failed", "denied", "skipped"}:
            console.print(
                Text(f"without {plain(node.title)} ({node.state}): {plain(node.reason or '')}", "yellow")
            )
    _tell_deliverables(view.deliverables, console)
    return 0


def _tell_failure(view: ProjectDetail, console: Console) -> None:
    console.print(
        Text(f"the project ended {view.state}: {plain(view.reason or 'no reason given')}", "bold red")
    )
    for node in view.nodes:
        if node.state in {"failed", "denied"} and node.reason and node.reason != view.reason:
            console.print(Text(f"  {plain(node.title)}: {plain(node.reason)}", "red"))


def is_bad_input(view: ProjectDetail) -> bool:
    """Whether the project failed over what was asked rather than over the hub."""
    told = (node.reason or "" for node in view.nodes if node.state == "failed")
    return any(reason.startswith("bad input: ") for reason in told)


def _tell_deliverables(deliverables: list[Artifact], console: Console) -> None:
    folder = load_settings().deliverables_path
    for artifact in deliverables:
        path = folder / artifact.path
        console.print(Text(f"{plain(artifact.name)}  {size(artifact.size)}  {plain(path)}"))
    report = next((found for found in deliverables if found.media_type.startswith("text/html")), None)
    if report and (path := folder / report.path).is_file():
        console.print(Text.assemble(("the report: ", "bold green"), (link(path), "underline")))


def link(path: Path) -> str:
    return path.absolute().as_uri()

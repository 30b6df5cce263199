"""`soma status`: the projects, or one project and its nodes."""

import json
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from blocks.errors import BadInput
from ui.cli.board import board
from ui.cli.connect import hub
from ui.cli.live import Screen, watch
from ui.cli.outcome import tell_outcome
from ui.cli.terminal import columns, console, elapsed, plain, word
from ui.client import HubClient
from ui.wire import Project


def status(
    project: Annotated[str | None, typer.Argument(help="The project; all of them when left out.")] = None,
    follow: Annotated[bool, typer.Option("--watch", "-w", help="Follow it until it ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the projects, or one project and its nodes; `--watch` alone follows the newest."""
    with hub() as client:
        if follow:
            raise typer.Exit(_follow(client, project or _newest(client)))
        if project is None:
            found = client.projects()
            typer.echo(_dump(found)) if as_json else console().print(projects(found))
        else:
            show_one(client, project, as_json=as_json)


def _follow(client: HubClient, project: str) -> int:
    screen = Screen(console())
    view = watch(client, project, screen, until=lambda view: view.state == "planned")
    return tell_outcome(client, view, screen.console) if view.final else 0


def _newest(client: HubClient) -> str:
    found = client.projects(limit=1)
    if not found:
        raise BadInput("there is no project to watch; start one with `soma launch`")
    return found[0].id


def show_one(client: HubClient, project: str, *, as_json: bool) -> None:
    """Print one project: its board and what it asks, or JSON."""
    view = client.project(project)
    if as_json:
        typer.echo(view.model_dump_json(indent=2))
        return
    screen = console()
    screen.print(board(view))
    for approval in view.approvals:
        screen.print(Text(f"waits for `soma approve {approval.id}` or `soma reject {approval.id}`", "yellow"))


def projects(found: list[Project]) -> Table | str:
    """The list of projects, newest first."""
    if not found:
        return "no projects yet; start one with `soma launch repository-audit --repo .`"
    table = columns("id", "state", "created", "time")
    for project in found:
        table.add_row(
            Text(project.id, "bold"),
            word(project.state),
            Text(f"{project.created_at.astimezone():%Y-%m-%d %H:%M}", "dim"),
            Text(elapsed(project.launched_at, project.ended_at), "dim"),
            Text(plain(project.title)),
        )
    return table


def _dump(found: list[Project]) -> str:
    return json.dumps([project.model_dump(mode="json") for project in found], indent=2)

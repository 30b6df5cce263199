"""`soma projects`: a hand on projects that go on, and on what they had come to."""

import json
from typing import Annotated, Any

import typer
from rich.text import Text

from ui.cli.launch import read_inputs
from ui.cli.messages import messages
from ui.cli.terminal import console, plain, word
from ui.wire_control import Controlled, NodeHistory

app = typer.Typer(
    no_args_is_help=True,
    help="List and show projects; pause, resume, cancel them; do nodes anew; fork; set deadlines.",
)
app.command()(messages)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ProjectId = Annotated[str, typer.Argument(metavar="ID", help="The project; `soma projects list` shows them.")]
Reason = Annotated[
    str, typer.Option("--reason", "-r", help="Why; kept with the project and in the audit log.")
]
Inputs = Annotated[
    list[str],
    typer.Option("--input", "-i", metavar="NAME=VALUE", help="An input of the node to be changed; repeat."),
]


@app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=500)] = 50,
    as_json: AsJson = False,
) -> None:
    """List the projects, the newest first."""
    from ui.cli.connect import hub
    from ui.cli.status import projects

    with hub() as client:
        found = client.projects(limit=limit)
    if as_json:
        typer.echo(json.dumps([project.model_dump(mode="json") for project in found], indent=2))
    else:
        console().print(projects(found))


@app.command()
def show(
    project: ProjectId,
    node: Annotated[
        str | None, typer.Option("--node", "-n", help="Show this node with every attempt at it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a project with what people want of it, or one of its nodes with its history."""
    from ui.cli.connect import hub
    from ui.cli.status import show_one

    with hub() as client:
        if node is not None:
            _show_node(client.node_history(project, node), as_json=as_json)
            return
        told = client.control(project)
        if as_json:
            view = client.project(project).model_dump(mode="json")
            typer.echo(json.dumps({**told.model_dump(mode="json"), **view}, indent=2))
            return
        show_one(client, project, as_json=False)
        _tell(told)


@app.command()
def pause(project: ProjectId, reason: Reason = "") -> None:
    """Start nothing new of a project; what is at work may end. A paused project holds no process."""
    _wish(project, "pause", reason)


@app.command()
def resume(project: ProjectId, reason: Reason = "") -> None:
    """Let a paused project go on."""
    _wish(project, "resume", reason)


@app.command()
def cancel(project: ProjectId, reason: Reason = "") -> None:
    """End what is at work, gently and then by force; take back what the plan says; end the project."""
    _wish(project, "cancel", reason)


@app.command()
def deadline(
    project: ProjectId,
    within: Annotated[
        str | None, typer.Option("--in", metavar="TIME", help="From now: 90s, 30m, 24h, 7d.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="A moment, such as 2026-12-24T18:00+01:00.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Take the deadline away.")] = False,
) -> None:
    """Have a project cancelled unless it has ended by then."""
    from blocks.errors import BadInput
    from ui.cli.connect import hub
    from ui.cli.moments import moment, seconds

    if sum((within is not None, at is not None, none)) != 1:
        raise BadInput("say one of --in TIME, --at WHEN or --none")
    with hub() as client:
        _tell(
            client.deadline(
                project,
                at=moment(at) if at is not None else None,
                seconds=seconds(within) if within is not None else None,
            )
        )


@app.command()
def rerun(
    project: ProjectId,
    start: Annotated[str, typer.Option("--from", "-f", metavar="NODE", help="The node to begin with.")],
    given: Inputs = [],  # noqa: B006  # typer copies it
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Do a node and all that stands on it anew, with changed inputs if wanted; what was recorded is kept."""
    from ui.cli.connect import hub

    with hub() as client:
        done = client.rerun(project, start, read_inputs(given), reason)
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
        return
    count = len(done.reset)
    typer.echo(
        f"{project}: {count} {'node is' if count == 1 else 'nodes are'} done anew: {_names(done.reset)}"
    )
    _tell(done)


@app.command()
def fork(  # noqa: PLR0917  # typer calls it by name
    project: ProjectId,
    start: Annotated[
        str | None, typer.Option("--from", "-f", metavar="NODE", help="Do this node and all on it anew.")
    ] = None,
    at: Annotated[
        int | None, typer.Option("--at", metavar="EVENT", help="Take over nothing that was recorded later.")
    ] = None,
    given: Inputs = [],  # noqa: B006  # typer copies it
    title: Annotated[str | None, typer.Option(help="What the new project is called.")] = None,
    as_json: AsJson = False,
) -> None:
    """Launch a new project that goes on from what this one has recorded; this one stays as it is."""
    from ui.cli.connect import hub

    with hub() as client:
        made = client.fork(project, node=start, at=at, inputs=read_inputs(given), title=title)
    if as_json:
        typer.echo(made.model_dump_json(indent=2))
        return
    typer.echo(made.id)
    typer.echo(f"takes over {len(made.carried)} results: {_names(made.carried)}", err=True)


def _wish(project: str, wish: Any, reason: str) -> None:
    from ui.cli.connect import hub

    with hub() as client:
        _tell(client.wish(project, wish, reason))


def _tell(told: Controlled) -> None:
    """The project's state, and what is wanted of it beyond going on."""
    line = Text.assemble((told.id, "bold"), "  ", word(told.state))
    if told.control != "run" and not told.final:
        by = f" by {told.control_by}" if told.control_by else ""
        line.append(f"  {told.control} wanted{by}", "yellow")
        line.append(f": {plain(told.control_reason)}" if told.control_reason else "", "yellow")
    if told.deadline_at is not None and not told.final:
        line.append(f"  deadline {told.deadline_at.astimezone():%Y-%m-%d %H:%M:%S}", "dim")
    if told.origin and told.origin.get("project"):
        line.append(f"  from {told.origin['project']}", "dim")
    console().print(line)


def _show_node(found: NodeHistory, *, as_json: bool) -> None:
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    screen = console()
    screen.print(Text.assemble((plain(found.title), "bold"), f"  {found.node}  ", word(found.state)))
    for attempt in found.attempts:
        ended = f"{attempt.ended_at.astimezone():%Y-%m-%d %H:%M:%S}" if attempt.ended_at else ""
        line = Text.assemble(
            f"  attempt {attempt.number}, generation {attempt.generation}  ",
            word(attempt.state),
            (f"  {attempt.runtime}  {ended}  {plain(attempt.reason or '')}", "dim"),
        )
        screen.print(line)
    for past in found.former:
        screen.print(
            Text(
                f"  generation {past.generation} was {past.state}; done anew by {plain(past.by)} "
                f"(fork --at {past.event - 1} goes on from before)",
                "dim",
            )
        )


def _names(names: list[str]) -> str:
    return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")

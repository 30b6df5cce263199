"""`soma projects messages`: what the steps of a project have said to each other."""

import json
from typing import Annotated

import typer
from rich.text import Text

from ui.cli.terminal import console, plain
from ui.wire_messages import Message


def messages(
    project: Annotated[str, typer.Argument(metavar="ID", help="The project.")],
    after: Annotated[str, typer.Option(metavar="MESSAGE", help="Only what was said after this one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the findings, questions and answers of a project's steps, in their order."""
    from ui.cli.connect import hub

    with hub() as client:
        found: list[Message] = []
        while page := client.messages(project, after=found[-1].id if found else after, limit=500):
            found += page
    if as_json:
        typer.echo(json.dumps([message.model_dump(mode="json") for message in found], indent=2))
        return
    screen = console()
    for message in found:
        screen.print(_line(message))
    if not found:
        typer.echo("no step of this project has said anything", err=True)


def _line(message: Message) -> Text:
    to = f" to {message.answers}" if message.answers else ""
    return Text.assemble(
        (f"{message.at.astimezone():%H:%M:%S}  ", "dim"),
        (message.node, "bold"),
        (f"  {message.kind}{to}  ", "cyan"),
        plain(message.text),
    )

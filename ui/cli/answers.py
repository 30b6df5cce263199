"""`soma approvals`, `soma approve`, `soma reject`, `soma changes`: questions to people and their answers."""

import json
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ui.cli.connect import hub
from ui.cli.json_argument import json_object
from ui.cli.question import show_question
from ui.cli.terminal import columns, console, plain, word
from ui.wire import Approval

Id = Annotated[str, typer.Argument(metavar="APPROVAL", help="The approval; `soma approvals` lists them.")]
Comment = Annotated[str, typer.Option("--comment", "-c", help="Why, for the record.")]


def approvals(
    id: Annotated[str | None, typer.Argument(metavar="APPROVAL", help="Show this one in full.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that were answered too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the questions that wait for people, or show one in full."""
    with hub() as client:
        if id is not None:
            found = [client.approval(id)]
        else:
            found = client.approvals(state=None if everything else "pending")
    if as_json:
        typer.echo(json.dumps([approval.model_dump(mode="json") for approval in found], indent=2))
    elif id is not None:
        show_question(found[0], console())
    else:
        console().print(listed(found))


def listed(found: list[Approval]) -> Table | str:
    if not found:
        return "nothing waits for an answer"
    table = columns("id", "state", "project", "needs")
    for approval in found:
        needs = "; ".join(approval.missing) if approval.state == "pending" and approval.requirements else ""
        table.add_row(
            Text(approval.id, "bold"),
            word(approval.state),
            approval.project,
            Text(plain(needs)),
            Text(plain(approval.question)),
        )
    return table


def approve(
    id: Id,
    comment: Comment = "",
    arguments: Annotated[
        str,
        typer.Option(
            "--arguments",
            metavar="JSON|@FILE|-",
            help="Agree to it with these instead, by name; `soma approvals APPROVAL` shows them.",
        ),
    ] = "",
    digest: Annotated[
        str, typer.Option(help="What you agree to, as shown; needed once somebody has changed arguments.")
    ] = "",
) -> None:
    """Say yes to a question; the project goes on once enough people have."""
    changed = json_object(arguments, "--arguments", '{"amount": 5}') if arguments else None
    with hub() as client:
        decided = client.answer(id, "approve", comment, arguments=changed, digest=digest or None)
    _tell(decided)


def reject(id: Id, comment: Comment = "") -> None:
    """Say no to a question; what it asked for is not done."""
    with hub() as client:
        decided = client.answer(id, "reject", comment)
    _tell(decided)


def changes(
    id: Id,
    comment: Annotated[str, typer.Option("--comment", "-c", help="What is to be changed.")],
) -> None:
    """Send what a question is about back; it is done anew with the comment, and asked about again."""
    with hub() as client:
        decided = client.answer(id, "changes", comment)
    _tell(decided)


def _tell(decided: Approval) -> None:
    console().print(
        Text.assemble(word(decided.state), f": {plain(decided.question)}  (project {decided.project})")
    )
    if decided.state == "pending":
        console().print(Text(f"still needed: {plain('; '.join(decided.missing))}", "yellow"))

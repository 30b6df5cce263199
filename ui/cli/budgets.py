"""`soma budgets`: what tenant, projects and nodes may use up, and have."""

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ui.cli.terminal import columns, console, plain

if TYPE_CHECKING:
    from ui.wire_budgets import BudgetAccount

app = typer.Typer(no_args_is_help=True, help="Show what may be used up and was, and set limits.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def show(
    project: Annotated[
        str | None, typer.Argument(metavar="PROJECT", help="A project's id; without one, the tenant's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the accounts: limit, spent, reserved by what is under way, and left."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.budgets(project)
    if as_json:
        typer.echo(json.dumps([account.model_dump(mode="json") for account in found], indent=2))
        return
    if not found:
        typer.echo("nothing is limited here, so nothing is counted", err=True)
        return
    console().print(_table(found))


@app.command("set")
def set_limit(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="tokens, money, tool_calls or seconds.")],
    limit: Annotated[str, typer.Argument(metavar="LIMIT", help="A number such as 20 or 0.5, or `none`.")],
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="The project's account, not the tenant's.")
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NODE", help="That of one node of the project.")
    ] = None,
) -> None:
    """Set the limit of an account, or take it away with `none`; it holds from the next charge on."""
    from blocks.budgets.amounts import UNIT, exact, kind_of
    from ui.cli.connect import hub

    most = None if limit == "none" else Decimal(exact(limit)) / UNIT
    with hub() as client:
        account = client.set_budget(kind_of(kind), most, project=project, node=node)
    said = "no limit" if account.limit is None else f"a limit of {_number(account.limit)}"
    typer.echo(f"{_owner(account)}: {account.kind} has {said}, {_number(account.spent)} spent")


def _table(accounts: "list[BudgetAccount]") -> object:
    table = columns("account", "kind", "limit", "spent", "reserved", "left")
    for account in accounts:
        left = "" if account.left is None else _number(account.left)
        beyond = account.left is not None and account.left <= 0
        table.add_row(
            plain(_owner(account)),
            account.kind,
            "none" if account.limit is None else _number(account.limit),
            _number(account.spent),
            _number(account.reserved),
            Text(left, "bold red" if beyond else ""),
        )
    return table


def _owner(account: "BudgetAccount") -> str:
    if account.node:
        return f"{account.project}/{account.node}"
    return account.project or "tenant"


def _number(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

"""`soma notifications`: what people were told, by which routes, and whose a route is."""

import json
from typing import Annotated

import typer
from rich.text import Text

from ui.cli.terminal import columns, console, plain, word

app = typer.Typer(no_args_is_help=True, help="Show what people were told and by which routes.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Name = Annotated[str, typer.Argument(metavar="ROUTE", help="The block's name; `soma notifications routes`.")]


@app.command("list")
def list_all(
    project: Annotated[str | None, typer.Option("--project", help="Of this project alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest messages and how far they are."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.deliveries(project=project)
    if as_json:
        typer.echo(json.dumps([item.model_dump(mode="json") for item in found], indent=2))
        return
    table = columns("state", "kind", "route", "about")
    for item in found:
        why = f"{item.error} (tried {item.tries} times)" if item.error else ""
        about = item.approval or item.project
        table.add_row(word(item.state), item.kind, plain(item.route), about, Text(plain(why), "dim"))
    console().print(table if found else "nobody was told anything")


@app.command()
def routes(as_json: AsJson = False) -> None:
    """List the routes; never their addresses."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.notification_routes()
    if as_json:
        typer.echo(json.dumps([item.model_dump(mode="json") for item in found], indent=2))
        return
    table = columns("name", "kinds", "addresses")
    for item in found:
        whose = f"links answer as {item.person}" if item.confirmed else ""
        if item.person and not item.confirmed:
            whose = f"was {item.person}'s, but its addresses have changed since: say again whose it is"
        off = "" if item.enabled else "off; "
        kinds = ", ".join(item.kinds)
        table.add_row(
            Text(plain(item.name), "bold"), kinds, str(item.addresses), Text(plain(f"{off}{whose}"), "dim")
        )
    console().print(
        table if found else "there are no routes yet; docs/howto/notifications.md says how to make one"
    )


@app.command()
def person(
    name: Name,
    who: Annotated[
        str | None, typer.Argument(metavar="PERSON", help="Whom a token of this hub speaks for.")
    ] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Its messages carry no links any more.")] = False,
) -> None:
    """Say whose a route is: its questions carry links that answer as this person."""
    from blocks.errors import BadInput
    from ui.cli.connect import hub

    if bool(who) == nobody:
        raise BadInput("say whose the route is, or --nobody")
    with hub() as client:
        if who:
            client.say_whose_route(name, who)
        else:
            client.forget_whose_route(name)
    told = (
        f"questions sent by {plain(name)} carry links that answer as {plain(who)}"
        if who
        else "no links any more"
    )
    console().print(told, markup=False)

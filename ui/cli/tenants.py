"""`soma tenants`: the organisations on this hub; for those who run it."""

import json
from typing import Annotated

import typer
from rich.text import Text

from ui.cli.terminal import columns, console, plain

app = typer.Typer(no_args_is_help=True, help="Make and list the organisations on this hub.")


@app.command()
def create(
    tenant: Annotated[str, typer.Argument(metavar="ID", help="Small letters, digits and hyphens.")],
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
) -> None:
    """Make a tenant, with the shipped constitution in force."""
    from ui.cli.connect import hub

    with hub() as client:
        made = client.create_tenant(tenant, name=name)
    typer.echo(f"{made.id} is there; its first user: soma users create NAME --role admin --tenant {made.id}")


@app.command("list")
def list_all(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the tenants."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.tenants()
    if as_json:
        typer.echo(json.dumps([tenant.model_dump(mode="json") for tenant in found], indent=2))
        return
    table = columns("id", "name")
    for tenant in found:
        made = f"since {tenant.created_at:%Y-%m-%d}"
        table.add_row(tenant.id, Text(plain(tenant.name), "bold"), Text(made, "dim"))
    console().print(table)

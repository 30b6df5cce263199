"""`soma limits`: how many attempts of a tenant, a capsule or a resource may be at work at once."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.terminal import columns, console, plain

if TYPE_CHECKING:
    from ui.wire_limits import Limit

app = typer.Typer(no_args_is_help=True, help="Show, set and remove concurrency limits.")
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="`tenant:NAME`, `capsule:NAME` or `resource:NAME`.")
]


@app.command("list")
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Show the limits, and how many places are taken and waited for."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.limits()
    if as_json:
        typer.echo(json.dumps([limit.model_dump() for limit in found], indent=2))
    elif found:
        console().print(_table(found))
    else:
        typer.echo("nothing is limited; `soma limits set resource:NAME 2` would be", err=True)


@app.command("set")
def set_limit(
    name: Name,
    most: Annotated[int, typer.Argument(metavar="MOST", help="How many may be at work at once; 0 is none.")],
) -> None:
    """Let at most so many attempts be at work at once; those that are at work now may end."""
    from ui.cli.connect import hub

    with hub() as client:
        limit = client.set_limit(name, most)
    typer.echo(f"{limit.name}: {limit.taken} of {limit.most} places are taken")


@app.command()
def remove(name: Name) -> None:
    """Let any number of attempts be at work again."""
    from ui.cli.connect import hub

    with hub() as client:
        client.remove_limit(name)
    typer.echo(f"{name} is not limited any more")


def _table(limits: "list[Limit]") -> object:
    table = columns("limit", "places", "taken", "projects waiting")
    for limit in limits:
        table.add_row(plain(limit.name), str(limit.most), str(limit.taken), str(limit.waiting))
    return table

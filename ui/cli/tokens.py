"""`soma tokens`: who may speak to the hub, in which roles, and until when."""

import json
from typing import Annotated

import typer
from rich.text import Text

from ui.cli.terminal import columns, console, plain

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the tokens that people and programs use.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whom the token speaks for, such as `ada`.")],
    role: Annotated[
        list[str],
        typer.Option(
            "--role", help="`admin`, `approver`, `developer`, `operator` or `viewer`; may be repeated."
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="How long it lasts: 12h, 30d. Default: no end."),
    ] = None,
) -> None:
    """Make a token and print it: this once, and never again."""
    from blocks.constitution.terms import parse_duration
    from blocks.errors import BadInput
    from ui.cli.connect import hub

    try:
        lasts = parse_duration(expires) if expires else None
    except ValueError as error:
        raise BadInput(f"--expires: {error}") from None
    with hub() as client:
        made = client.create_token(name, role, expires=lasts)
    until = f"until {made.expires_at:%Y-%m-%d %H:%M} UTC" if made.expires_at else "without end"
    typer.echo(
        f"{made.id}: {name} ({', '.join(made.roles)}), {until}. Keep it; it is not shown again:", err=True
    )
    typer.echo(made.secret)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the tokens; never the secrets, which the hub does not know."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.tokens()
    if as_json:
        typer.echo(json.dumps([token.model_dump(mode="json") for token in found], indent=2))
        return
    table = columns("id", "prefix", "principal", "roles")
    for token in found:
        ends = f"until {token.expires_at:%Y-%m-%d %H:%M}" if token.expires_at else "without end"
        state = "revoked" if token.revoked_at else ends
        used = f", used {token.used_at:%Y-%m-%d %H:%M}" if token.used_at else ", never used"
        table.add_row(
            token.id,
            Text(f"{token.prefix or ''}…", "dim"),
            Text(plain(token.principal), "bold"),
            ", ".join(token.roles),
            Text(state + used, "dim"),
        )
    console().print(table)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="The token's id; `soma tokens list` shows it.")],
) -> None:
    """End a token; it is refused within a second."""
    from ui.cli.connect import hub

    with hub() as client:
        client.revoke_token(token)
    typer.echo(f"{token} is revoked")

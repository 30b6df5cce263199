"""`soma users`: the people who may sign in, and in which roles."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ui.cli.login import Piped, read_password
from ui.cli.terminal import columns, console, plain

if TYPE_CHECKING:
    from ui.wire_users import MadeUser, User

app = typer.Typer(no_args_is_help=True, help="Make, list and change the people who may sign in.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name, such as `ada`.")]
Roles = Annotated[
    list[str],
    typer.Option("--role", help="`viewer`, `operator`, `developer`, `approver` or `admin`; may be repeated."),
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", help="Another tenant than one's own; for who runs the hub.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def create(name: Name, role: Roles, tenant: Tenant = None, password_stdin: Piped = False) -> None:
    """Make a user, and print a password for one sign-in, at which the user chooses another."""
    from ui.cli.connect import hub

    given = read_password("Password", piped=True) if password_stdin else None
    with hub() as client:
        made = client.create_user(name, role, password=given, tenant=tenant)
    typer.echo(f"{made.name} of {made.tenant} ({', '.join(made.roles)}) may sign in", err=True)
    _tell_password(made)


@app.command("list")
def list_all(tenant: Tenant = None, as_json: AsJson = False) -> None:
    """List the users, also those who are disabled."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.users(tenant=tenant)
    if as_json:
        typer.echo(json.dumps([user.model_dump(mode="json") for user in found], indent=2))
        return
    table = columns("name", "roles")
    for user in found:
        table.add_row(Text(plain(user.name), "bold"), ", ".join(user.roles), Text(_standing(user), "dim"))
    console().print(table)


@app.command()
def roles(name: Name, role: Roles, tenant: Tenant = None) -> None:
    """Give a user these roles in place of those they had; open sessions have them within a second."""
    from ui.cli.connect import hub

    with hub() as client:
        changed = client.change_user(name, roles=role, tenant=tenant)
    typer.echo(f"{changed.name}: {', '.join(changed.roles)}")


@app.command()
def disable(name: Name, tenant: Tenant = None) -> None:
    """Keep a user out: every session and token of theirs is refused within a second."""
    from ui.cli.connect import hub

    with hub() as client:
        client.change_user(name, disabled=True, tenant=tenant)
    typer.echo(f"{name} is disabled")


@app.command()
def enable(name: Name, tenant: Tenant = None) -> None:
    """Let a disabled user sign in again; sessions and tokens that ended stay ended."""
    from ui.cli.connect import hub

    with hub() as client:
        client.change_user(name, disabled=False, tenant=tenant)
    typer.echo(f"{name} may sign in")


@app.command()
def reset(name: Name, tenant: Tenant = None) -> None:
    """Print a new password for one sign-in; the old one and every session end."""
    from ui.cli.connect import hub

    with hub() as client:
        _tell_password(client.change_user(name, reset_password=True, tenant=tenant))


@app.command()
def sessions(
    name: Name,
    end: Annotated[str | None, typer.Option("--end", metavar="ID", help="End this one.")] = None,
    tenant: Tenant = None,
) -> None:
    """List a user's sessions, or end one."""
    from ui.cli.connect import hub

    with hub() as client:
        if end is not None:
            client.end_session(name, end, tenant=tenant)
            typer.echo(f"{end} is over")
            return
        found = client.sessions_of(name, tenant=tenant)
    table = columns("id", "since")
    for session in found:
        used = f"used {session.used_at:%Y-%m-%d %H:%M}, until {session.expires_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(session.id, f"{session.created_at:%Y-%m-%d %H:%M}", Text(used, "dim"))
    console().print(table)


def _tell_password(made: "MadeUser") -> None:
    if made.one_time_password is not None:
        typer.echo("for one sign-in within 7 days; it is not shown again:", err=True)
        typer.echo(made.one_time_password)


def _standing(user: "User") -> str:
    if user.disabled_at is not None:
        return "disabled"
    seen = f"signed in {user.signed_in_at:%Y-%m-%d %H:%M}" if user.signed_in_at else "never signed in"
    return f"{seen}, password for one time" if user.one_time else seen

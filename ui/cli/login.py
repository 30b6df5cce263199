"""`soma login` and `soma logout`: speak to a hub as oneself."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from blocks.errors import BadInput, PasswordUsedUp, SomaError, Unauthenticated
from blocks.settings import load_settings

if TYPE_CHECKING:
    from ui.client import HubClient
    from ui.wire_users import SignedIn

Piped = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password, one line, from standard input.")
]


def login(
    user: Annotated[str, typer.Argument(metavar="NAME", help="Your name as a user.")],
    hub: Annotated[
        str | None,
        typer.Option("--hub", metavar="URL", help="The hub's address; else the local one."),
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Yours, if not the hub's own.")] = None,
    password_stdin: Piped = False,
) -> None:
    """Sign in; the commands after this speak for you."""
    from ui.client import HubClient
    from ui.signed_in import keep
    from ui.supervisor.lock import running_hub

    settings = load_settings()
    info = running_hub(settings)
    url = hub or (info.gateway if info else settings.gateway_url)
    with HubClient(url, "") as client:
        signed = _signed_in(client, user, tenant, piped=password_stdin)
    keep(settings, client.url, signed)
    roles = ", ".join(signed.roles)
    typer.echo(f"{signed.user} of {signed.tenant} ({roles}) is signed in at {client.url}", err=True)


def logout() -> None:
    """End the session that `soma login` began."""
    from ui.client import HubClient
    from ui.signed_in import current_login, forget, kept_login

    settings = load_settings()
    kept = kept_login(settings)
    if kept is None:
        raise BadInput("nobody is signed in here; `soma login NAME` does it")
    try:
        fresh = current_login(settings) or kept
        with HubClient(fresh.hub, fresh.access_token) as client:
            client.logout()
    except Unauthenticated:
        typer.echo("the session was over already", err=True)
    except SomaError as error:
        forget(settings)
        raise type(error)(f"forgotten here, and not ended at the hub: {error.message}") from None
    forget(settings)
    typer.echo(f"{kept.user} is signed out", err=True)


def read_password(prompt: str, *, piped: bool, twice: bool = False) -> str:
    """A password from standard input, or typed by a person without being shown."""
    if piped:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise BadInput("nobody is at the terminal to be asked for the password; use --password-stdin")
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True))


def _signed_in(client: "HubClient", user: str, tenant: str | None, *, piped: bool) -> "SignedIn":
    password = read_password("Password", piped=piped)
    try:
        return client.login(user, password, tenant=tenant)
    except PasswordUsedUp:
        typer.echo("This password is for one time: choose one of your own.", err=True)
        new = read_password("New password", piped=piped, twice=True)
        return client.login(user, password, tenant=tenant, new_password=new)

"""`soma up`: start the hub and keep it up until Ctrl-C."""

import asyncio
import contextlib
import signal
from typing import Annotated

import httpx
import typer
from rich.console import Console

from blocks.errors import SomaError
from blocks.private_files import read_private
from blocks.settings import Settings, load_settings
from ui.cli.terminal import console
from ui.supervisor.hub import Hub


def up(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show important lines only.")] = False,
    port_offset: Annotated[int | None, typer.Option(min=0, max=50000, help="Add this to every port.")] = None,
) -> None:
    """Start the hub and keep it up until Ctrl-C."""
    asyncio.run(keep_up(load_settings(port_offset=port_offset), console(), quiet=quiet))


async def keep_up(settings: Settings, screen: Console, *, quiet: bool) -> None:
    """Run the hub until a signal asks for its end; whatever was started is stopped."""
    hub = Hub(settings, screen, quiet=quiet)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(name, asked.set)
    ending = asyncio.create_task(asked.wait())
    starting = asyncio.create_task(hub.start())
    await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    try:
        if not asked.is_set():
            announce(hub, screen)
            await ending
        screen.print("stopping the hub …")
    finally:
        await hub.stop()


def announce(hub: Hub, screen: Console) -> None:
    """Say that the hub is ready, and where."""
    seconds = max(hub.timings.values(), default=0.0)
    screen.print(f"[bold green]ready[/bold green] after {seconds:.1f} s; Ctrl-C stops it")
    if hub.settings.wizard:
        screen.print(f"  wizard   {hub.addresses['wizard']}")
    screen.print(f"  gateway  {hub.addresses['gateway']}")
    screen.print(f"  Prefect  {hub.addresses['prefect']}")
    screen.print(f"  data     {hub.settings.data_dir}")
    if not has_users(hub.settings):
        screen.print("  nobody can sign in yet: [bold]soma users create NAME --role admin[/bold]")


def has_users(settings: Settings) -> bool:
    """Whether anybody can sign in; True when that cannot be told."""
    try:
        token = read_private(settings.token_path, "token file").strip()
        answer = httpx.get(
            f"{settings.gateway_url}/v1/users", headers={"Authorization": f"Bearer {token}"}, timeout=5
        )
    except (SomaError, httpx.HTTPError):
        return True
    return not answer.is_success or bool(answer.json())

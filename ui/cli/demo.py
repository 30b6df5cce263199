"""`soma demo`: from nothing to a report on a repository, leaving nothing running."""

import signal
import time
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from blocks.errors import Unavailable
from blocks.settings import Settings, load_settings
from ui.cli.attend import attend
from ui.cli.embedded import EmbeddedHub
from ui.cli.repository import repository_source
from ui.cli.terminal import console
from ui.client import HubClient
from ui.supervisor.lock import running_hub

BLUEPRINT = "repository-audit"
STARTS_WITHIN = 180.0


def demo(
    repo: Annotated[
        str | None, typer.Option(help="The repository: a folder or a URL; by default the one around here.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve the publishing of the report.")] = False,
    port_offset: Annotated[int | None, typer.Option(min=0, max=50000, help="Add this to every port.")] = None,
) -> None:
    """Audit a repository from nothing to a report, in one go; a hub started for it is stopped at the end."""
    source = repository_source(repo)
    settings, screen = load_settings(port_offset=port_offset), console()
    signal.signal(signal.SIGTERM, _end)
    if running_hub(settings):
        wait_until_ready(settings, screen)
        code = run_audit(settings, source, screen, yes=yes, hub_stays=True)
    else:
        with EmbeddedHub(settings, screen):
            code = run_audit(settings, source, screen, yes=yes, hub_stays=False)
    raise typer.Exit(code)


def wait_until_ready(settings: Settings, screen: Console) -> None:
    """Return when the hub that somebody else started is ready to work."""
    patience = time.monotonic() + STARTS_WITHIN
    with screen.status("waiting for the hub that is starting here …"):
        while (info := running_hub(settings)) and info.state == "starting" and time.monotonic() < patience:
            time.sleep(0.2)
    if info is None or info.state != "ready":
        raise Unavailable(f"the hub on {settings.data_dir} is not ready; `soma doctor` says why")


def run_audit(settings: Settings, source: str, screen: Console, *, yes: bool, hub_stays: bool) -> int:
    """Launch the audit and stay with it."""
    project = None
    try:
        with HubClient.from_settings(settings) as client:
            project = client.plan(BLUEPRINT, {"repository": source}).id
            client.launch(project)
            return attend(client, project, screen, yes=yes, hub_stays=hub_stays)
    except KeyboardInterrupt:
        if project:
            before = "" if hub_stays else "`soma up`, then "
            screen.print(Text(f"interrupted; to go on: {before}`soma status {project} --watch`", "yellow"))
        raise


def _end(_number: int, _frame: FrameType | None) -> None:
    """A polite request to end is an interrupt: everything that was started is stopped."""
    raise KeyboardInterrupt

"""`soma doctor`: what is wrong with this installation, and how to mend it."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from blocks.settings import load_settings
from ui.cli.terminal import console, plain
from ui.supervisor.checks import Check, check_machine
from ui.supervisor.live_checks import check_parts

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    port_offset: Annotated[int | None, typer.Option(min=0, max=50000, help="Add this to every port.")] = None,
) -> None:
    """Say what is wrong with this installation and how to mend it; exits 1 when something is."""
    settings = load_settings(port_offset=port_offset)
    found = [*check_machine(settings), *asyncio.run(check_parts(settings))]
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in found], indent=2))
    else:
        show(found)
    raise typer.Exit(int(any(check.state == "fail" for check in found)))


def show(found: list[Check]) -> None:
    """One line for each check, and below it how to mend what is not well."""
    screen = console()
    for check in found:
        screen.print(
            Text.assemble(
                (f"{check.state:<5}", STYLES[check.state]), f"{check.name:<15}", plain(check.detail)
            )
        )
        if check.mend:
            screen.print(Text(f"{'':<20}{plain(check.mend)}", "italic"))

"""`soma logs`: what a project or a part of the hub logged."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.text import Text

from blocks.errors import NotFound
from blocks.settings import Settings, load_settings
from ui.cli.connect import hub
from ui.cli.terminal import console, plain
from ui.client import HubClient
from ui.wire import Event, LogLine

LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red", "DEBUG": "dim"}
PAUSE = 1.0
OVERLAP = 200
"""So many lines are read again, for the lines of several runs do not arrive in the order of their times."""


def logs(
    target: Annotated[
        str | None, typer.Argument(metavar="PROJECT|PART", help="A project, or a part such as gateway.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more comes.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, help="How many of a part's last lines.")
    ] = 200,
) -> None:
    """Read what a project (`prj_…`) or a part of the hub logged; without either, name the parts."""
    settings, screen = load_settings(), console()
    if target is None:
        screen.print(", ".join(parts(settings)) or f"no logs in {settings.logs_path} yet", markup=False)
    elif target.startswith("prj_"):
        with hub() as client:
            _project(client, target, screen, follow=follow)
    else:
        for line in _part(settings, target, lines, follow=follow):
            screen.print(component_line(line))


def parts(settings: Settings) -> list[str]:
    """The parts of the hub that have a log."""
    return sorted(path.stem for path in settings.logs_path.glob("*.log"))


def _part(settings: Settings, name: str, lines: int, *, follow: bool) -> Iterator[str]:
    if name not in parts(settings):
        known = ", ".join(parts(settings)) or "none yet"
        raise NotFound(f"there is no log of {name!r}; there are: {known}")
    yield from _tail(settings.logs_path / f"{name}.log", lines, follow=follow)


def _tail(path: Path, lines: int, *, follow: bool) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file.readlines()[-lines:]
        while follow:
            yield from _grown(file)
            if path.exists() and path.stat().st_size < file.tell():  # rotated away
                yield from _tail(path, 1000, follow=True)
                return
            time.sleep(PAUSE / 4)


def _grown(file: IO[str]) -> Iterator[str]:
    while (line := file.readline()) and line.endswith("\n"):
        yield line


def component_line(line: str) -> Text:
    """A JSON line of a component's log as people read it."""
    try:
        said = json.loads(line)
    except ValueError:
        return Text(plain(line.rstrip("\n")))
    if not isinstance(said, dict):
        return Text(plain(line.rstrip("\n")))
    at, level = str(said.pop("at", "")), str(said.pop("level", ""))
    said.pop("component", None)
    message = said.pop("message", None) or said.pop("line", "")
    rest = " ".join(f"{plain(name)}={plain(value)}" for name, value in said.items())
    return Text.assemble(
        (at[11:19] + " ", "dim"),
        (f"{level} " if level else "", LEVELS.get(level, "")),
        plain(message),
        (f" {rest}" if rest else "", "dim"),
    )


def _project(client: HubClient, project: str, screen: Console, *, follow: bool) -> None:
    seen = 0
    known: set[str] = set()
    over = False
    while True:
        view = client.project(project)
        events = _so_far(client, project, seen, view.last_event)
        seen = max([seen, *(event.id for event in events)])
        said = _new_logs(client, project, known)
        for _at, text in sorted([*map(event_line, events), *map(log_line, said)], key=lambda pair: pair[0]):
            screen.print(text)
        if not follow or over:
            return
        over = view.final  # one more look: the last lines of a run arrive a moment after its end
        time.sleep(PAUSE)


def _so_far(client: HubClient, project: str, after: int, last: int) -> list[Event]:
    found: list[Event] = []
    if after >= last:
        return found
    for event in client.events(project, after=after):
        found.append(event)
        if event.id >= last:
            break
    return found


def _new_logs(client: HubClient, project: str, known: set[str]) -> list[LogLine]:
    """The lines that are not known yet; they are known from now on."""
    found: list[LogLine] = []
    offset = max(0, len(known) - OVERLAP)
    while page := client.logs(project, offset=offset):
        offset += len(page)
        found += [line for line in page if line.id not in known]
        known.update(line.id for line in page)
    return found


def event_line(event: Event) -> tuple[datetime, Text]:
    told = {name: value for name, value in event.data.items() if value is not None and name != "flow_run"}
    facts = " ".join(f"{plain(name)}={plain(value)}" for name, value in told.items())
    where = f"{plain(event.node)}: " if event.node else ""
    return event.at, Text.assemble(
        (f"{event.at.astimezone():%H:%M:%S} ", "dim"), where, (f"{event.kind} ", "cyan"), facts
    )


def log_line(line: LogLine) -> tuple[datetime, Text]:
    where = f"{plain(line.node)}: " if line.node else ""
    text = Text.assemble(
        (f"{line.at.astimezone():%H:%M:%S} ", "dim"), where, (f"{line.level} ", LEVELS.get(line.level, "dim"))
    )
    return line.at, text.append(plain(line.message))

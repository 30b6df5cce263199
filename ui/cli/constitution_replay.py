"""`soma constitution replay` and `shadow`: what a candidate would have decided, and what it would decide."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from blocks.constitution.terms import parse_duration
from blocks.errors import BadInput
from ui.cli.connect import hub
from ui.cli.constitution_files import AsJson
from ui.cli.constitution_named import is_file, text_of
from ui.cli.constitution_shown import show_replay, show_shadow
from ui.cli.terminal import console


def replay(
    candidate: Annotated[
        str, typer.Option(metavar="FILE|REF", help="A file, or a version: NAME@VERSION or a digest.")
    ],
    since: Annotated[
        str, typer.Option(metavar="30d|DATE", help="How far back: 24h, 30d, or a date such as 2030-01-31.")
    ] = "30d",
    project: Annotated[str | None, typer.Option(metavar="PROJECT", help="Only this project.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decide recorded history again under a candidate; who sees the report may activate it alone."""
    text = text_of(Path(candidate)) if is_file(candidate) else None
    ref = None if text is not None else candidate
    with hub() as client:
        made = client.replay(since=moment(since), ref=ref, text=text, project=project)
        report = client.replay_report(made.id)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show_replay(report, console())


def shadow(
    ref: Annotated[
        str | None, typer.Argument(metavar="REF", help="The published version to put in the shadow.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="End the shadow.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a candidate in the shadow, end that, or (without either) report what it would have done."""
    if ref is not None and off:
        raise BadInput("name a version or give --off, not both")
    with hub() as client:
        if off:
            client.end_shadow()
            typer.echo("nothing is in the shadow any more")
            return
        found = client.start_shadow(ref) if ref is not None else client.shadow()
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        show_shadow(found, console())


def moment(text: str) -> datetime:
    """The moment that `30d` (ago) or a date means; a date without a zone is UTC."""
    try:
        return datetime.now(UTC) - parse_duration(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--since: {text!r} is neither a time span such as 24h or 30d nor a date") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

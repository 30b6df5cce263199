"""The commands of `soma constitution` that change or tell what is in force on the hub."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from blocks.constitution.signing import load_signature, read_signature
from ui.cli.connect import hub
from ui.cli.constitution_files import AsJson, File
from ui.cli.constitution_named import text_of
from ui.cli.terminal import columns, console, plain
from ui.wire_constitutions import FullVersion, Step

Version = Annotated[
    str, typer.Argument(metavar="REF", help="NAME@VERSION, or a digest of at least eight digits.")
]
Waiting = Annotated[int, typer.Argument(metavar="ID", help="The activation; `… history` lists them.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]


def publish(
    file: File,
    sig: Annotated[
        Path | None, typer.Option("--sig", metavar="FILE", help="The signature; FILE.sig unless given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep a signed document on the hub as a version that never changes; it is not in force by that."""
    text = text_of(file)
    signature = read_signature(text_of(sig), str(sig)) if sig else load_signature(file)
    with hub() as client:
        version = client.publish(text, signature=signature.signature, key=signature.key)
    if as_json:
        typer.echo(version.model_dump_json(indent=2))
    else:
        typer.echo(f"published {version.name}@{version.version}, {version.digest[:12]} ({version.standing})")


def activate(
    ref: Version,
    replay: Annotated[
        str | None, typer.Option(metavar="ID", help="A replay of it that you have looked at.")
    ] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Put a version in force. Exit code 1 when it waits for a second person first."""
    with hub() as client:
        _end(client.activate(ref, replay=replay, reason=reason), as_json=as_json)


def confirm(activation: Waiting, as_json: AsJson = False) -> None:
    """Say yes, as the second person, to an activation that waits."""
    with hub() as client:
        _end(client.confirm(activation), as_json=as_json)


def withdraw(activation: Waiting, as_json: AsJson = False) -> None:
    """Let an activation that waits be forgotten."""
    with hub() as client:
        _end(client.withdraw(activation), as_json=as_json)


def rollback(reason: Reason = "", as_json: AsJson = False) -> None:
    """Put the version in force again that was so before the present one."""
    with hub() as client:
        _end(client.rollback(reason=reason), as_json=as_json)


def _end(step: Step, *, as_json: bool) -> None:
    if as_json:
        typer.echo(step.model_dump_json(indent=2))
    else:
        typer.echo(_told(step))
    if step.state == "waiting":
        raise typer.Exit(1)


def _told(step: Step) -> str:
    title = f"{step.name}@{step.version} ({step.digest[:12]})"
    if step.state == "waiting":
        return (
            f"activation {step.id} of {title} waits for a second person, who confirms it with "
            f"`soma constitution confirm {step.id}`; or look at a replay of it and activate it again"
        )
    return f"{title} is withdrawn" if step.state == "withdrawn" else f"{title} is in force"


def show(
    ref: Annotated[str, typer.Argument(help="`active`, NAME@VERSION or a digest.")] = "active",
    as_json: AsJson = False,
) -> None:
    """Show one version: who signed and published it, and its document."""
    with hub() as client:
        found = client.constitution(ref)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    console().print(Text("\n".join(_heading(found)), "dim"))
    typer.echo("\n".join(_printable(line) for line in found.text.splitlines()))


def _heading(found: FullVersion) -> list[str]:
    return [
        f"# {found.name}@{found.version}  {found.standing}",
        f"# digest {found.digest}",
        f"# signed with the key {plain(found.key)}",
        f"# published by {plain(found.published_by)} at {found.published_at:%F %T}",
    ]


def _printable(line: str) -> str:
    return "\t".join(map(plain, line.split("\t")))


def history(as_json: AsJson = False) -> None:
    """List every activation and rollback, the newest first, and what is published besides."""
    with hub() as client:
        steps, versions = client.constitution_history(), client.constitutions()
    if as_json:
        told = {"steps": [step.model_dump(mode="json") for step in steps]}
        told["versions"] = [version.model_dump(mode="json") for version in versions]
        typer.echo(json.dumps(told, indent=2))
        return
    table = columns("id", "when", "what", "version", "digest")
    for step in steps:
        people = plain(step.asked_by) + (f", {plain(step.done_by)}" if step.done_by else "")
        why = f"{people}: {plain(step.reason)}" if step.reason else people
        when = f"{step.done_at or step.asked_at:%F %T}"
        what = step.kind if step.state == "done" else step.state
        table.add_row(str(step.id), when, what, f"{step.name}@{step.version}", step.digest[:12], why)
    waiting = [version for version in versions if version.standing == "published"]
    for version in waiting:
        title = f"{version.name}@{version.version}"
        when = f"{version.published_at:%F %T}"
        table.add_row("", when, "published", title, version.digest[:12], plain(version.published_by))
    console().print(table if table.row_count else "nothing was published yet")

"""`soma artifacts`: list or fetch what a project delivered."""

import hashlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from blocks.errors import BadInput, NotFound, Unavailable
from ui.cli.connect import hub
from ui.cli.terminal import columns, console, plain, size
from ui.client import HubClient
from ui.wire import Artifact


def artifacts(
    project: Annotated[str, typer.Argument(help="The project.")],
    name: Annotated[str | None, typer.Argument(help="Fetch this one; list all when left out.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file or folder to write; `-` for the terminal."),
    ] = None,
) -> None:
    """List or fetch what a project delivered; `--output FOLDER` without a name fetches all of it."""
    with hub() as client:
        found = client.artifacts(project)
        if name is not None:
            _fetch(client, project, _named(found, name), output)
        elif output is not None:
            output.mkdir(parents=True, exist_ok=True)
            for artifact in found:
                _fetch(client, project, artifact, output)
        else:
            console().print(listed(found))


def _named(found: list[Artifact], name: str) -> Artifact:
    for artifact in found:
        if artifact.name == name:
            return artifact
    names = ", ".join(plain(artifact.name) for artifact in found) or "none yet"
    raise NotFound(f"this project has no artifact {name!r}; it has: {names}")


def listed(found: list[Artifact]) -> Table | str:
    if not found:
        return "nothing delivered yet"
    table = columns("name", "size", "type")
    for artifact in found:
        where = Text(plain(artifact.path))
        table.add_row(Text(plain(artifact.name), "bold"), size(artifact.size), artifact.media_type, where)
    return table


def _fetch(client: HubClient, project: str, artifact: Artifact, output: Path | None) -> None:
    content = client.artifact(project, artifact.name)
    if hashlib.sha256(content).hexdigest() != artifact.sha256.removeprefix("sha256:"):
        raise Unavailable(f"artifact {artifact.name!r} is not what the project published: its digest differs")
    if output == Path("-"):
        sys.stdout.buffer.write(content)
        return
    target = _target(artifact.name, output)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise BadInput(f"cannot write {target}: {error.strerror}", mend="choose another --output") from None
    console().print(Text(f"{plain(target)}  {size(len(content))}"))


def _target(name: str, output: Path | None) -> Path:
    safe = Path(name).name
    if output is None:
        return Path(safe)
    return output / safe if output.is_dir() else output

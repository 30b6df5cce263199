"""`soma capsules`: what capsules there are, running one, and making a new one."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.table import Table
from rich.text import Text

from ui.cli.json_argument import json_object
from ui.cli.terminal import console, plain

app = typer.Typer(no_args_is_help=True, help="List, show, run, validate and make capsules.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The capsule; `soma capsules list` names them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the capsules of the library and of installed packages."""
    from capsules.catalogue import list_capsules

    found = list_capsules()
    if as_json:
        typer.echo(json.dumps([entry.manifest.model_dump(mode="json") for entry in found], indent=2))
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    for entry in found:
        manifest = entry.manifest
        table.add_row(
            Text(manifest.name, "bold"),
            Text(manifest.version),
            Text(manifest.runtime.kind, "dim"),
            Text(plain(manifest.summary)),
        )
    console().print(table)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show what a capsule declares of itself: inputs, outputs, tools, memory, budget, runtime."""
    from capsules.catalogue import find_capsule

    entry = find_capsule(name)
    document = entry.manifest.model_dump(mode="json", exclude_unset=True)
    if as_json:
        typer.echo(json.dumps({**document, "entrypoint": entry.entrypoint}, indent=2))
        return
    console().print(Text(f"# {entry.folder / 'capsule.yaml'}\n# {entry.entrypoint}", "dim"))
    typer.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100), nl=False)


@app.command()
def run(
    name: Name,
    given: Annotated[
        list[str], typer.Option("--input", "-i", metavar="NAME=VALUE", help="One input; repeat.")
    ] = [],  # noqa: B006  # typer copies it
    document: Annotated[
        str | None,
        typer.Option(
            "--input-json", metavar="JSON|@FILE|-", help="All inputs as a JSON object; `-` reads it."
        ),
    ] = None,
) -> None:
    """Run one capsule on the hub that is up, outside any project, and print its output as JSON."""
    from blocks.settings import load_settings
    from capsules.catalogue import find_capsule
    from ui.cli.capsule_inputs import read_inputs
    from ui.cli.capsule_run import run_on_hub

    manifest = find_capsule(name).manifest
    whole = {} if document is None else json_object(document, "--input-json", '{"limit": 3}')
    inputs = read_inputs(manifest, given, whole)
    output = run_on_hub(manifest, inputs, load_settings(), said=lambda line: typer.echo(line, err=True))
    typer.echo(json.dumps(output, indent=2, ensure_ascii=False))


@app.command()
def validate(
    path: Annotated[Path, typer.Argument(help="A capsule's folder or its capsule.yaml.")],
) -> None:
    """Check a capsule without running it; each problem is named with its line and its mend."""
    from ui.cli.capsule_check import problems_of

    file = path / "capsule.yaml" if path.is_dir() else path
    problems = problems_of(file)
    for problem in problems:
        typer.echo(plain(problem), err=True)
    if problems:
        raise typer.Exit(2)
    typer.echo(f"{file}: valid")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case words, such as word-count.")],
    directory: Annotated[
        Path | None,
        typer.Option(
            help="Where its folder goes; the library in the hub's sources, else the current folder."
        ),
    ] = None,
) -> None:
    """Make a working capsule with its test, to be changed into what you want."""
    from ui.cli.capsule_scaffold import scaffold

    made = scaffold(name, directory, Path.cwd())
    for file in made.files:
        typer.echo(f"made {file}")
    typer.echo(f"test it:  python -m pytest {made.test}")
    if made.entry_point:
        typer.echo(f"publish it from your package, in pyproject.toml:\n{made.entry_point}")

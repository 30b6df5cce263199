"""`soma keys`: what signs constitutions and the audit log, and whose signatures the hub trusts."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ui.cli.terminal import columns, console, plain

app = typer.Typer(no_args_is_help=True, help="Show, make and trust the keys that sign constitutions.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def show() -> None:
    """Print the hub's public key, with which outsiders check what the hub has signed."""
    from blocks.keys import SigningKey
    from blocks.settings import load_settings

    key = SigningKey.ensure(load_settings().keys_path)
    typer.echo(f"key {key.id}", err=True)
    typer.echo(key.public.text, nl=False)


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Whose key it is; makes NAME.key and NAME.pub.")
    ],
) -> None:
    """Make a signing key of your own here: NAME.key, which you keep, and NAME.pub, which you give away."""
    from blocks.errors import BadInput
    from blocks.keys import SigningKey

    if not name or Path(name).name != name or name.startswith("."):
        raise BadInput(f"{name!r} is no name for a key", mend="a plain name such as `ada`, without a folder")
    key = SigningKey.create(Path(f"{name}.key").absolute())
    typer.echo(f"key {key.id}: {name}.key is yours alone, {name}.pub is for those who shall trust it")


@app.command()
def trust(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The public key, NAME.pub.")],
) -> None:
    """Let constitutions that this key has signed be published and activated on this hub."""
    from blocks.keys import PublicKey
    from blocks.keys import trust as trust_key
    from blocks.settings import load_settings

    public = PublicKey.from_file(file)
    path = trust_key(load_settings().keys_path, public, file.stem)
    typer.echo(f"key {public.id} is trusted: {path} (remove the file to end that)")


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the keys whose signatures this hub trusts."""
    from blocks.keys import trusted_files
    from blocks.settings import load_settings

    found = [(key.id, path) for path, key in trusted_files(load_settings().keys_path)]
    if as_json:
        typer.echo(json.dumps([{"key": key, "file": str(path)} for key, path in found], indent=2))
        return
    table = columns("key", "name")
    for key, path in found:
        table.add_row(Text(key, "bold"), Text(plain(path.stem)), Text(plain(path), "dim"))
    console().print(table)

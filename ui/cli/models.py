"""`soma models`: which models agents are answered by, where those answer, and whether they do."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ui.cli.terminal import columns, console, plain

app = typer.Typer(no_args_is_help=True, help="Say which models agents are answered by, and try them.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The model access; `soma models list` names them.")]


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List where models answer and under which aliases; never a key."""
    from blocks.settings import load_settings
    from ui.cli.model_access import listed

    found = listed(load_settings())
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = columns("name", "provider", "aliases")
    for item in found:
        aliases = "; ".join(f"{alias} = {', '.join(names)}" for alias, names in item["aliases"].items())
        where = f"{item['url'] or 'its own address'}, for {item['tenant']}"
        table.add_row(
            Text(plain(item["name"]), "bold"),
            item["provider"],
            plain(aliases or "none"),
            Text(plain(where), "dim"),
        )
    console().print(
        table if found else "no model is configured; `soma models set NAME --model default=MODEL` does so"
    )


@app.command("set")
def change(
    name: Name,
    *,
    provider: Annotated[
        str | None, typer.Option("--provider", help="`openai` and what is compatible, `anthropic`, `ollama`.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Its base URL; empty for the provider's own address.")
    ] = None,
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            metavar="ALIAS=MODEL[,MODEL]",
            help="What answers to an alias, in the order in which it is tried; repeat. `*` is any other.",
        ),
    ] = [],  # noqa: B006  # typer copies it
    key_file: Annotated[
        str | None,
        typer.Option("--key-file", metavar="FILE|-", help="A file with the API key; `-` reads it."),
    ] = None,
    price: Annotated[
        list[str],
        typer.Option("--price", metavar="MODEL=INPUT,OUTPUT", help="Money for a million tokens; repeat."),
    ] = [],  # noqa: B006  # typer copies it
    tenant: Annotated[str | None, typer.Option("--tenant", help="Whose agents may use it.")] = None,
) -> None:
    """Make a model access, or change what is given of one; Prefect keeps it, the key encrypted."""
    from blocks.settings import load_settings
    from ui.cli.model_access import Changes, store

    changes = Changes(
        provider=provider, url=url, models=model, key=_key(key_file), prices=price, tenant=tenant
    )
    made = store(load_settings(), name, changes)
    aliases = ", ".join(made.aliases) or "no alias"
    console().print(f"{plain(name)}: {made.provider}, {plain(aliases)}", markup=False)


@app.command()
def remove(name: Name) -> None:
    """Remove a model access and its key."""
    from blocks.settings import load_settings
    from ui.cli.model_access import drop

    drop(load_settings(), name)
    console().print(f"{plain(name)} is removed", markup=False)


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One alone; all unless given.")] = None,
) -> None:
    """Ask every model one short question, which costs a few tokens; exits 1 when one does not answer."""
    from blocks.settings import load_settings
    from ui.cli.model_access import tried

    failed = False
    for model, problem, seconds in tried(load_settings(), name):
        failed = failed or problem is not None
        state = Text("fail ", "bold red") if problem else Text("ok   ", "green")
        said = problem or f"answered in {seconds:.1f} s"
        console().print(Text.assemble(state, f"{plain(model)}: ", plain(said)))
    raise typer.Exit(int(failed))


def _key(file: str | None) -> str | None:
    import sys

    from blocks.errors import BadInput

    if file is None:
        return None
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--key-file: {file} cannot be read: {error}") from None
    if not text.strip():
        raise BadInput("--key-file: there is no key in it")
    return text.strip()

"""`soma config`: each setting with its value and where it comes from."""

import json
import os
import tomllib
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from pydantic import AliasChoices, SecretStr
from rich.text import Text

from blocks.settings import Settings, load_settings
from ui.cli.terminal import columns, console, plain

app = typer.Typer(no_args_is_help=True, help="Show the settings and where each comes from.")
MASK = "********"


@app.callback()
def config() -> None:
    """Show the settings and where each comes from."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting as it is in force."""

    name: str
    value: Any
    source: str


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Print every setting, its value and its source; secrets are masked."""
    found = in_force(load_settings())
    if as_json:
        typer.echo(json.dumps([asdict(setting) for setting in found], indent=2))
        return
    table = columns("name")
    for setting in found:
        shown = "–" if setting.value is None else plain(setting.value)
        table.add_row(Text(setting.name, "bold"), Text(shown), Text(setting.source, "dim"))
    console().print(table)


def in_force(settings: Settings, given: frozenset[str] = frozenset()) -> list[Setting]:
    """Every setting with its source; `given` names those that an option set."""
    file = settings.data_dir / "soma.toml"
    in_file = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    found = []
    for name in Settings.model_fields:
        source = "option" if name in given else _variable(name)
        if source is None:
            source = str(file) if name in in_file else "default"
        found.append(Setting(name=name, value=_shown(getattr(settings, name)), source=source))
    return found


def _variable(name: str) -> str | None:
    """The environment variable that sets the value, if one does."""
    alias = Settings.model_fields[name].validation_alias
    names = [f"SOMA_{name.upper()}"]
    if isinstance(alias, AliasChoices):
        names = [choice for choice in alias.choices if isinstance(choice, str)]
    return next((name for name in names if os.environ.get(name)), None)


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASK
    return value if value is None or isinstance(value, int | float | bool) else str(value)

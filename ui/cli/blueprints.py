"""`soma blueprints`: what can be launched, what it asks, and which one a request is about."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ui.cli.terminal import columns, console, cut, plain
from ui.wire_intake import Match, Question

app = typer.Typer(no_args_is_help=True, help="List, show and check blueprints, and find one for a request.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the blueprints that can be launched."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.blueprints()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = columns("name", "version")
    for blueprint in found:
        table.add_row(
            Text(plain(blueprint["name"]), "bold"), plain(blueprint["version"]), plain(blueprint["summary"])
        )
    console().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="BLUEPRINT", help="`soma blueprints list` names them.")],
    as_json: AsJson = False,
) -> None:
    """Show what a blueprint asks and what its plan is made of."""
    from ui.cli.connect import hub

    with hub() as client:
        found, questions = client.blueprint(name), client.questions(name)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _show(found, questions, console())


@app.command()
def match(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="What you want, in your own words.")],
    as_json: AsJson = False,
) -> None:
    """Say which blueprints a request may be about, and what it answers already."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.match(request)
    if as_json:
        typer.echo(json.dumps([item.model_dump(mode="json") for item in found], indent=2))
    else:
        show_matches(found, console())


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A blueprint's YAML file.")],
) -> None:
    """Check a blueprint before it is put into the data folder's `blueprints`."""
    from capsules.blueprint import read_blueprint

    found = read_blueprint(file)
    typer.echo(
        f"{found.name} {found.version}: {len(found.questions)} questions, {len(found.nodes)} nodes, valid"
    )


def show_matches(found: Sequence[Match], screen: Console) -> None:
    """The blueprints in their order, each with what would be filled in."""
    table = columns("name", "score", "fits")
    for item in found:
        guessed = "; ".join(f"{guess.question} = {cut(guess.answer, 60)}" for guess in item.guesses)
        table.add_row(
            Text(plain(item.blueprint), "bold"),
            f"{item.score:.2f}",
            Text("fits", "green") if item.fits else Text("", "dim"),
            Text.assemble(plain(item.title), (f"  ({guessed})" if guessed else "", "dim")),
        )
    screen.print(table)


def _show(found: Mapping[str, Any], questions: Sequence[Question], screen: Console) -> None:
    screen.print(Text.assemble((plain(found["title"]), "bold"), f"  {found['name']} {found['version']}"))
    screen.print(Text(plain(found["summary"])))
    for step, asked in groupby(questions, key=lambda question: question.step):
        screen.print(Text(f"\n{plain(step) or 'Questions'}", "bold"))
        table = columns("id", "type")
        for question in asked:
            table.add_row(plain(question.id), Text(question.type, "cyan"), Text(plain(described(question))))
        screen.print(table)
    for rule in found.get("rules", []):
        screen.print(Text(f"  rule: {plain(rule['message'])}", "dim"))
    screen.print(Text("\nPlan", "bold"))
    table = columns("node", "capsule")
    for node in found["nodes"]:
        needs = f"after {', '.join(node['needs'])}" if node["needs"] else ""
        table.add_row(plain(node["id"]), plain(node["capsule"]), Text(plain(needs), "dim"))
    screen.print(table)


def described(question: Question) -> str:
    """The question with what may be answered."""
    parts = [question.text]
    if question.options:
        parts.append(f"[{', '.join(option.value for option in question.options)}]")
    bounds = [("at least", question.min), ("at most", question.max)]
    parts += [f"({words} {_bound(bound)})" for words, bound in bounds if bound is not None]
    if question.default is not None:
        parts.append(f"(default {json.dumps(question.default, ensure_ascii=False)})")
    if question.condition:
        parts.append(f"(if {question.condition})")
    if not question.required:
        parts.append("(may be left out)")
    return " ".join(parts)


def _bound(bound: float | date) -> str:
    return bound.isoformat() if isinstance(bound, date) else f"{bound:g}"

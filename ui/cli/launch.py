"""`soma launch`: plan a project from a blueprint and let it run."""

from typing import Annotated, Any

import typer

from blocks.errors import BadInput

Inputs = Annotated[
    list[str], typer.Option("--input", "-i", metavar="NAME=VALUE", help="An answer to the blueprint; repeat.")
]


def launch(  # noqa: PLR0917  # typer calls it by name
    blueprint: Annotated[str, typer.Argument(help="The blueprint, such as repository-audit.")],
    given: Inputs = [],  # noqa: B006  # typer copies it
    repo: Annotated[
        str | None,
        typer.Option(help="The git repository: a folder or a URL; short for --input repository=…."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="What the project is called.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it until it ends.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Follow it and approve what it asks.")] = False,
) -> None:
    """Plan a project from a blueprint and let it run."""
    from ui.cli.attend import attend
    from ui.cli.connect import hub
    from ui.cli.repository import repository_source
    from ui.cli.terminal import console
    from ui.cli.typed import typed_answers

    pairs = read_pairs(given)
    with hub() as client:
        answers = typed_answers(client.questions(blueprint), pairs)
        if repo is not None:
            answers["repository"] = repository_source(repo)
        project = client.plan(blueprint, answers, title=title)
        client.launch(project.id)
        screen = console()
        if watch or yes:
            raise typer.Exit(attend(client, project.id, screen, yes=yes))
        screen.print(project.id, markup=False)
        screen.print(
            f"launched; follow it with `soma status {project.id} --watch`", style="dim", markup=False
        )


def read_inputs(given: list[str]) -> dict[str, Any]:
    """The answers of `NAME=VALUE` pairs; a value that reads as a JSON number, true or false is one."""
    return {name: _value(value) for name, value in read_pairs(given).items()}


def read_pairs(given: list[str]) -> dict[str, str]:
    """The texts of `NAME=VALUE` pairs."""
    pairs: dict[str, str] = {}
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise BadInput(f"--input takes NAME=VALUE, not {pair!r}")
        if name in pairs:
            raise BadInput(f"--input names {name!r} twice")
        pairs[name] = value
    return pairs


def _value(text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    try:
        return int(text)
    except ValueError:
        return text

"""The commands of `soma constitution` that need no hub: validate, test, explain, diff, sign."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from blocks.constitution.comparing import compare
from blocks.constitution.describing import described
from blocks.constitution.document import ConstitutionInvalid
from blocks.constitution.examples import check_examples
from blocks.constitution.signing import sign as signed_by
from blocks.constitution.signing import signature_path
from blocks.errors import BadInput
from blocks.keys import HUB_KEY, SigningKey
from blocks.plain import plain as plain_json
from blocks.settings import load_settings
from ui.cli.connect import hub
from ui.cli.constitution_named import is_file, named, read_file
from ui.cli.constitution_shown import show_answer, show_comparison
from ui.cli.json_argument import json_object
from ui.cli.terminal import console, plain
from ui.verdicts import answered
from ui.wire_constitutions import Answered

File = Annotated[Path, typer.Argument(metavar="FILE", help="The constitution's YAML file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Ref = Annotated[
    str,
    typer.Argument(help="A file, `active`, `shipped`, NAME@VERSION, or a digest of at least eight digits."),
]
FACTS = '{"tool": {"arguments": {"limit": 3}}}'
REFUSED = frozenset({"deny", "approve"})


def validate(file: File, as_json: AsJson = False) -> None:
    """Check a document; every problem is told with its line. Exit code 2 when there are any."""
    problems: list[str] = []
    try:
        found = read_file(file)
    except ConstitutionInvalid as error:
        problems = error.fields.get("problems") or [error.message]
    warnings = [] if problems else list(found.warnings)
    if as_json:
        typer.echo(json.dumps({"valid": not problems, "problems": problems, "warnings": warnings}, indent=2))
    for line in () if as_json else problems:
        typer.echo(plain(line), err=True)
    for line in () if as_json else warnings:
        typer.echo(f"warning: {plain(line)}", err=True)
    if problems:
        raise typer.Exit(2)
    if not as_json:
        named_so = f"{found.name} {found.version}, {len(found.articles)} articles, {found.digest[:12]}"
        typer.echo(f"{file}: valid ({named_so})")


def run_examples(file: File, as_json: AsJson = False) -> None:
    """Run the examples of all articles against the whole document. Exit code 1 when one fails."""
    found = read_file(file)
    failed = check_examples(found)
    examples = sum(len(article.get("tests", [])) for article in found.document["articles"])
    if as_json:
        typer.echo(json.dumps({"examples": examples, "failed": failed}, indent=2))
    else:
        for line in failed:
            typer.echo(plain(line), err=True)
        typer.echo(f"{file}: {examples - len(failed)} of {examples} examples hold")
    if failed:
        raise typer.Exit(1)


def explain(
    ref: Ref,
    stage: Annotated[str, typer.Option(help="Such as tool.call.")],
    action: Annotated[str, typer.Option(help="The action's name, such as mail.send.")],
    facts: Annotated[
        str, typer.Option(metavar="JSON|@FILE|-", help="The facts that matter; `-` reads them.")
    ] = "{}",
    as_json: AsJson = False,
) -> None:
    """What would be decided, which articles matched, and which almost did. Exit code 1 for a refusal."""
    answer = _answer(ref, stage, action, json_object(facts, "--facts", FACTS))
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        show_answer(answer, console())
    if answer.verdict in REFUSED:
        raise typer.Exit(1)


def _answer(ref: str, stage: str, action: str, facts: dict[str, Any]) -> Answered:
    """The hub answers for what it obeys and keeps; a file and the shipped constitution need none."""
    if is_file(ref) or ref == "shipped":
        return answered(named(ref), described(stage, action, facts), explained=True)
    with hub() as client:
        return client.evaluate(stage, action, facts, ref=ref, explain=True)


def diff(one: Ref, other: Ref, as_json: AsJson = False) -> None:
    """What differs in words, and which examples are decided differently. Exit code 1 when anything does."""
    found = compare(named(one), named(other))
    if as_json:
        typer.echo(json.dumps(plain_json(asdict(found)), indent=2, ensure_ascii=False))
    else:
        show_comparison(found, console())
    if not found.same:
        raise typer.Exit(1)


def sign(
    file: File,
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="The private key; the hub's own of this data folder if none."),
    ] = None,
) -> None:
    """Sign a valid document whose examples hold; the signature is written beside it as FILE.sig."""
    found = read_file(file)
    if failed := check_examples(found):
        raise BadInput(
            f"{len(failed)} examples of {file} fail, so it is not signed",
            mend=f"`soma constitution test {file}` shows them",
        )
    signature = signed_by(found, SigningKey.load(key or _hub_key()))
    target = signature_path(file)
    target.write_text(signature.text, encoding="utf-8")
    typer.echo(f"{target}: {found.name} {found.version}, {found.digest[:12]}, signed by {signature.key}")


def _hub_key() -> Path:
    path = load_settings().keys_path / HUB_KEY
    if not path.exists():
        raise BadInput(
            f"there is no hub key {path}", mend="name one with --key; `soma keys new NAME` makes one"
        )
    return path

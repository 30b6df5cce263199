"""`soma audit`: the log of decisions and of all that changes what may be decided."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from blocks.errors import BadInput
from ui.cli.terminal import columns, console, plain, word

app = typer.Typer(no_args_is_help=True, help="Read, verify and export the audit log; prove single decisions.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Keys = Annotated[
    list[Path], typer.Option("--key", metavar="PUB", help="A public key that signed; may be repeated.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it there.")]


@app.command("list")
def list_all(
    *,
    project: Annotated[str | None, typer.Option(help="Only this project's records.")] = None,
    kind: Annotated[str | None, typer.Option(help="decision, outcome, approval, token, …")] = None,
    verdict: Annotated[str | None, typer.Option(help="allow, warn, redact, approve or deny.")] = None,
    before: Annotated[int | None, typer.Option(help="Go back from this place of the chain.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List the newest records, the last of them first."""
    from ui.cli.connect import hub

    newest = 2**62 if before is None else before
    with hub() as client:
        found = client.audit_records(project=project, kind=kind, verdict=verdict, before=newest, limit=limit)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif not found:
        console().print("the audit log has no such record")
    else:
        table = columns("number", "at", "kind", "verdict", "id")
        for item in found:
            table.add_row(*_row(item))
        console().print(table)


def _row(item: dict[str, Any]) -> list[Text]:
    record = item["record"]
    what = record.get("verdict") or record.get("outcome") or record.get("event") or ""
    subject = [record.get("stage"), record.get("action") or record.get("name"), record.get("project")]
    return [
        Text(str(item["sequence"]), "dim"),
        Text(str(record["at"])[:19], "dim"),
        Text(str(record["kind"])),
        word(plain(what)),
        Text(str(record["id"]), "bold"),
        Text(plain("  ".join(str(part) for part in subject if part))),
    ]


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="An export; without one, the hub is asked.")] = None,
    keys: Keys = [],  # noqa: B006  # typer copies it
    heads: Annotated[
        list[Path], typer.Option("--head", metavar="FILE", help="A signed head that was kept elsewhere.")
    ] = [],  # noqa: B006  # as above
    as_json: AsJson = False,
) -> None:
    """Check that nobody changed, added, removed or reordered a record; exit code 1 says that somebody did."""
    from ui.cli.audit_check import read_heads, read_keys, report, verified_file, verified_hub

    anchors = read_heads(heads)
    if file is None:
        seen = verified_hub(read_keys(keys, own=True), anchors)
    else:
        if not keys:
            raise BadInput("--key is missing", mend="the hub's public key is `hub.pub` in its keys folder")
        seen = verified_file(file, read_keys(keys), anchors)
    report(seen, as_json=as_json)
    if not seen.sound:
        raise typer.Exit(1)


@app.command()
def head() -> None:
    """Print the newest signed head as one line of JSON, to be kept where nobody of this hub can change it."""
    from ui.cli.connect import hub

    with hub() as client:
        newest = client.audit_head()
    typer.echo(json.dumps(newest.as_json(), sort_keys=True))
    typer.echo(
        f"keep this line outside of the hub: it fixes all {newest.sequence} records up to now, and "
        "`soma audit verify --head FILE` finds what was cut off behind it or changed before it",
        err=True,
    )


@app.command()
def export(
    out: Out = None,
    since: Annotated[str | None, typer.Option(help="From this moment, such as 2026-01-31T12:00.")] = None,
    until: Annotated[str | None, typer.Option(help="Until this moment, and on to the next head.")] = None,
    after: Annotated[int, typer.Option(help="Behind this place of the chain.", min=0)] = 0,
) -> None:
    """Take the log away as lines of JSON, which `soma audit verify FILE` checks without the hub."""
    from ui.cli.connect import hub

    asked = {"since": _moment(since), "until": _moment(until), "after": after}
    with hub() as client, client.audit_export(**asked) as lines:
        if out is None:
            for line in lines:
                typer.echo(line, nl=False)
            return
        _write(out, lines)
    typer.echo(f"{out} holds the log; check it with: soma audit verify {out} --key HUB.pub", err=True)


@app.command()
def prove(
    id: Annotated[str, typer.Argument(metavar="DECISION", help="`soma audit list` shows the ids.")],
    out: Out = None,
) -> None:
    """Make the certificate of a decision, for somebody who has no access to this hub."""
    from ui.cli.connect import hub

    with hub() as client:
        document = client.certificate(id)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        _write(out, [text])
        typer.echo(f"{out} proves {id}; check it with: soma audit check {out} --key HUB.pub", err=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A certificate that `soma audit prove` made.")],
    keys: Keys = [],  # noqa: B006  # typer copies it
    as_json: AsJson = False,
) -> None:
    """Check a certificate without the hub: its place, its signatures, and the verdict derived again."""
    from ui.cli.audit_check import check_file, read_keys, show_steps

    if not keys:
        raise BadInput("--key is missing", mend="get the hub's public key from its operator: `hub.pub`")
    steps = check_file(file, read_keys(keys))
    show_steps(steps, as_json=as_json)
    if any(step.state == "failed" for step in steps):
        raise typer.Exit(1)


def _moment(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no moment; write 2026-01-31 or 2026-01-31T12:00") from None
    return found.astimezone(UTC).isoformat()


def _write(out: Path, lines: Any) -> None:
    """The file whole, or not at all."""
    draft = out.with_name(f".{out.name}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        draft.replace(out)
    except OSError as error:
        raise BadInput(f"cannot write {out}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)

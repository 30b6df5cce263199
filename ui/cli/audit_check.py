"""Checking exports and certificates for `soma audit`, and telling what was found."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from blocks.audit.certificate import check_certificate
from blocks.audit.export import read_json
from blocks.audit.heads import Head
from blocks.audit.steps import Step
from blocks.audit.verification import Verified, verify
from blocks.errors import BadInput
from blocks.keys import PublicKey, trusted_keys
from blocks.settings import load_settings
from ui.cli.connect import hub
from ui.cli.terminal import columns, console, plain

MOST_SHOWN = 50
LARGEST = 200_000_000
"""Bytes of a certificate."""
STYLES = {"ok": "green", "failed": "bold red", "open": "yellow"}


def read_keys(paths: Sequence[Path], *, own: bool = False) -> Mapping[str, PublicKey]:
    """The keys of these files; with `own` and none given, those that the hub on this machine trusts."""
    if own and not paths:
        found = trusted_keys(load_settings().keys_path)
        if not found:
            raise BadInput("this machine has no key of the hub", mend="give its public key with --key")
        return found
    keys = [PublicKey.from_text(_read(path), str(path)) for path in paths]
    return {key.id: key for key in keys}


def read_heads(paths: Sequence[Path]) -> list[Head]:
    """The heads of these files, one a line."""
    lines = [(line, path) for path in paths for line in _read(path).splitlines() if line.strip()]
    return [Head.from_json(_json(line, path)) for line, path in lines]


def verified_file(path: Path, keys: Mapping[str, PublicKey], anchors: Sequence[Head]) -> Verified:
    try:
        with path.open("rb") as lines:
            return verify(lines, keys, anchors)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None


def verified_hub(keys: Mapping[str, PublicKey], anchors: Sequence[Head]) -> Verified:
    """The hub's own log, columns included."""
    with hub() as client, client.audit_export(columns=True) as lines:
        return verify(lines, keys, anchors)


def report(seen: Verified, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_told(seen), indent=2))
        return
    for finding in seen.findings[:MOST_SHOWN]:
        whose = f" ({plain(finding.id)})" if finding.id else ""
        line = f", line {finding.line}" if finding.line else ""
        title = f"{finding.kind} at {finding.sequence}{whose}{line}"
        console().print(Text.assemble((title, "bold red"), f": {plain(finding.said)}; {finding.mend}"))
    if seen.troubles > MOST_SHOWN:
        console().print(f"… and {seen.troubles - MOST_SHOWN} more")
    end = f"signed up to {seen.newest.sequence} at {seen.newest.signed_at}" if seen.newest else "not signed"
    counted = f"{seen.records} records and {seen.heads} signed heads of {plain(seen.tenant)}, {end}"
    verdict = ("sound", "green") if seen.sound else (f"{seen.troubles} findings", "bold red")
    console().print(Text.assemble(verdict, f": {counted}"))


def _told(seen: Verified) -> dict[str, Any]:
    return {
        "sound": seen.sound,
        "tenant": seen.tenant,
        "first": seen.first,
        "last": seen.last,
        "records": seen.records,
        "heads": seen.heads,
        "newest": seen.newest.as_json() if seen.newest else None,
        "troubles": seen.troubles,
        "findings": [finding.as_json() for finding in seen.findings],
    }


def check_file(path: Path, keys: Mapping[str, PublicKey]) -> list[Step]:
    return check_certificate(_json(_read(path), path), keys)


def show_steps(steps: Sequence[Step], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([vars(step) for step in steps], indent=2))
        return
    table = columns("state", "name")
    for step in steps:
        table.add_row(Text(step.state, STYLES[step.state]), Text(plain(step.name)), Text(plain(step.said)))
    console().print(table)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise BadInput(f"{path} is larger than {LARGEST:,} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no text") from None


def _json(text: str, path: Path) -> Any:
    try:
        return read_json(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is no JSON: {error}") from None

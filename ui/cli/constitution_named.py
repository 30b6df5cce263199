"""Constitutions as the command line names them: files, versions of the hub, and the shipped one."""

from pathlib import Path

from blocks.constitution.constitution import Constitution
from blocks.constitution.document import load_constitution, parse_constitution
from blocks.errors import BadInput
from capsules.environment import SHIPPED_CONSTITUTION
from capsules.signatures import installed_signatures
from ui.cli.connect import hub

ENDINGS = (".yaml", ".yml")


def is_file(ref: str) -> bool:
    """Whether the name means a file: it ends or looks like one, or there is one."""
    return ref.endswith(ENDINGS) or "/" in ref or Path(ref).is_file()


def read_file(path: Path) -> Constitution:
    """The constitution of a file, checked against the tools and capsules that are installed here."""
    return load_constitution(path, signatures=installed_signatures())


def named(ref: str) -> Constitution:
    """The constitution that is meant; versions and `active` are asked from the hub that is up."""
    if is_file(ref):
        return read_file(Path(ref))
    if ref == "shipped":
        return load_constitution(SHIPPED_CONSTITUTION)
    with hub() as client:
        found = client.constitution(ref)
    return parse_constitution(found.text, f"{found.name}@{found.version}")


def text_of(path: Path) -> str:
    """A file's text as it was signed."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}", mend="name a readable UTF-8 file") from None

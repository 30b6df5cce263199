"""Paths in arguments that lead out of a folder, in every spelling that some program would resolve."""

import os.path
import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import unquote

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, shortened

PATH_WORDS = frozenset(
    {"root", "path", "paths", "folder", "folders", "file", "files", "directory", "directories"}
    | {"workspace", "target", "destination"}
)
"""An argument of one of these names, or ending in `_` and one of them, is a path."""
DECODED = 3
"""How many layers of percent-encoding are taken off."""

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+(?: [A-Za-z0-9_./-]+)*")
_EXPANDED = re.compile(r"(?:^|/)\$(?:[A-Za-z_]|env:)|\$[{(]|`|%[A-Za-z_][A-Za-z0-9_]*%")
"""What a shell replaces: variables where a step begins, braces and commands anywhere."""
_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/*)")
_SLASHES = str.maketrans(dict.fromkeys("\\\u2044\u2215\u29f5\u29f8\ufe68", "/"))
_LONGEST = 4096
"""Characters of the longest path of Linux; what is longer is no path of the folder."""


def paths_outside(value: Any, folder: str) -> bool:
    """Whether an argument named like a path leads out of the folder; a bare text counts as a path.

    Goes by the text alone: symbolic links are not followed.
    """
    return any_in(value, partial(_search, folder=folder))


def findings(value: Any, folder: str) -> list[Finding]:
    """The paths that lead out of the folder, and where they stand."""
    return found_in(value, partial(_search, folder=folder), show=shortened)


def _search(text: Text, folder: str) -> Iterator[Hit]:
    if _is_path(text) and _escapes(text.text, folder):
        yield Hit(kind="path", start=0, end=len(text.text))


def _is_path(text: Text) -> bool:
    return not text.is_key and (not text.name or text.name.rpartition("_")[2].lower() in PATH_WORDS)


def _escapes(path: str, folder: str) -> bool:
    if not folder or len(path) > _LONGEST:
        return True
    root = os.path.normpath(folder)
    if _PLAIN.fullmatch(path):
        return _is_outside(path, root)
    spelled = _decoded(path)
    return spelled is None or any(_leads_out(form, root) for form in {path, path.strip(), spelled})


def _decoded(path: str) -> str | None:
    """The path as the most lenient program would read it; None when no honest path is written so."""
    for _ in range(DECODED):
        further = unquote(path, errors="replace")
        if further == path:
            break
        if "\ufffd" in further:
            return None
        path = further
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in path):
        return None
    return unicodedata.normalize("NFKC", path).translate(_SLASHES).strip()


def _leads_out(path: str, root: str) -> bool:
    if _EXPANDED.search(path):
        return True
    if _DRIVE.match(path) and not path.startswith(root):
        return True
    scheme = _SCHEME.match(path)
    if scheme and scheme.group(1).lower() == "file":
        return _is_outside(_of_file_url(path[len("file:") :]), root)
    if scheme and len(scheme.group(2)) > 1:
        return True
    without_parameters = re.sub(r";[^/]*", "", path)
    return _is_outside(path, root) or _is_outside(without_parameters, root)


def _of_file_url(rest: str) -> str:
    """The path of what follows `file:`; another host than this one stays, as a path that leads out."""
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        return f"/{path}" if host in {"", "localhost"} else rest
    return rest


def _is_outside(path: str, root: str) -> bool:
    expanded = os.path.expanduser(path)  # noqa: PTH111  # text only, no disk
    if "\0" in path or expanded.startswith("~"):
        return True
    whole = os.path.normpath(os.path.join(root, expanded))  # noqa: PTH118  # text only, no disk
    return whole != root and not whole.startswith(root.rstrip("/") + "/")

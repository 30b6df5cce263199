"""Requirements files of pip, and requirement strings as they stand in any Python manifest."""

import re
from collections.abc import Iterator
from dataclasses import replace

from packaging.requirements import InvalidRequirement, Requirement

from capsules.library.dependencies.packages import (
    Declared,
    Locked,
    Manifest,
    Scope,
    origin_of,
    python_name,
    without_credentials,
)

_HASH = re.compile(r"--hash[= ](sha\d+|md5):([0-9a-fA-F]+)")
_EGG = re.compile(r"[#&]egg=([\w.-]+)")
_DEVELOPMENT = re.compile(r"(?i)dev|test|doc|lint|ci|build|type|typing|tool|check|bench|style|hook|release")
_MOST_INCLUDES = 20
_LONGEST = 50_000


def read_requirements(path: str, text: str) -> Manifest:
    """A requirements file; what it includes is named, as far as it lies inside the tree."""
    manifest = Manifest(path=path, ecosystem="pypi")
    name = path.rpartition("/")[2]
    folder = path.rpartition("/")[0]
    aside = _DEVELOPMENT.search(name.replace("requirements", "")) or re.search(
        r"(?:^|/)(?:tests?|docs?)/", path
    )
    scope: Scope = "development" if aside else "runtime"
    for line, entry in _entries(text):
        if entry.startswith(("-r", "--requirement")):
            _include(manifest, folder, entry)
        else:
            _add(manifest, entry, line, scope)
    manifest.locked = _related(manifest.locked, text)
    pinned = bool(manifest.declared) and len(manifest.locked) == len(manifest.declared)
    manifest.is_lock = pinned and (len(manifest.locked) > 1 or any(each.hashes for each in manifest.locked))
    if not manifest.is_lock:
        manifest.locked = []
    return manifest


def declare(text: str, scope: Scope, line: int | None = None) -> Declared | None:
    """The requirement in a string as in `name[extra]>=1; marker`, or None when it is none."""
    try:
        found = Requirement(text)
    except (InvalidRequirement, RecursionError):
        return None
    address = found.url or ""
    return Declared(
        name=python_name(found.name),
        constraint=str(found.specifier),
        scope=scope,
        origin=origin_of(address) if address else "registry",
        target=without_credentials(address),
        line=line,
        conditional=found.marker is not None,
    )


def pinned_version(constraint: str) -> str | None:
    """The version when the constraint allows exactly one."""
    found = re.fullmatch(r"={2,3}\s*([\w.!+-]+)", constraint.strip())
    return found.group(1) if found else None


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """The logical lines with their numbers: continuations joined, comments removed."""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(?:^|\s)#.*$", "", line).strip()
        start = start or number
        joined = f"{joined} {bare.removesuffix(chr(92))}".strip()
        if not bare.endswith("\\") or len(joined) > _LONGEST:
            if joined:
                yield start, joined[:_LONGEST]
            joined, start = "", 0


def _add(manifest: Manifest, entry: str, line: int, scope: Scope) -> None:
    hashes = tuple((name.lower(), digest.lower()) for name, digest in _HASH.findall(entry))
    bare = re.split(r"\s--?[a-z]", entry)[0].strip()
    editable = re.sub(r"^(?:-e|--editable)[= ]?", "", entry).strip()
    if editable != entry or re.match(r"[\w+]+://|git@|\.{0,2}/|file:", bare):
        _add_address(manifest, editable if editable != entry else bare, line, scope)
        return
    if bare.startswith("-"):
        return
    found = declare(bare, scope, line)
    if found is None:
        manifest.notes.append(f"line {line} is no requirement that can be read")
        return
    manifest.declared.append(found)
    version = pinned_version(found.constraint)
    if version:
        development = scope == "development"
        locked = Locked(name=found.name, version=version, hashes=hashes, development=development)
        manifest.locked.append(locked)


def _add_address(manifest: Manifest, address: str, line: int, scope: Scope) -> None:
    origin, egg = origin_of(address), _EGG.search(address)
    if origin == "path":
        return
    stem = address.split("@", maxsplit=1)[0].rstrip("/").rpartition("/")[2].removesuffix(".git")
    name = python_name(egg.group(1) if egg else stem or "unnamed")
    target = without_credentials(address)
    manifest.declared.append(Declared(name=name, scope=scope, origin=origin, target=target, line=line))


def _related(locked: list[Locked], text: str) -> list[Locked]:
    """Adds which package brings which along, where the file's `# via` comments say so."""
    requires: dict[str, list[str]] = {}
    current, after_via = "", False
    for line in text.splitlines():
        comment = line.strip().removeprefix("#").strip() if line.lstrip().startswith("#") else None
        pin = re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==", line)
        current = python_name(pin.group(1)) if pin else current
        after_via = comment is not None and (after_via or comment.startswith("via"))
        parent = re.fullmatch(r"(?:via\s+)?([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?", comment or "")
        if after_via and parent and parent.group(1) != "via":
            requires.setdefault(python_name(parent.group(1)), []).append(current)
    return [replace(each, requires=tuple(requires.get(each.name, ()))) for each in locked]


def _include(manifest: Manifest, folder: str, entry: str) -> None:
    other = re.sub(r"^(?:-r|--requirement)[= ]?", "", entry).strip()
    path = _inside(folder, other)
    if path is None or len(manifest.includes) > _MOST_INCLUDES:
        manifest.notes.append("includes a file outside of the tree, which was not read")
    else:
        manifest.includes.append(path)


def _inside(folder: str, other: str) -> str | None:
    """The path inside the tree that a relative path leads to; None when it leads out."""
    parts = [] if not folder else folder.split("/")
    if other.startswith(("/", "~")) or "://" in other:
        return None
    for part in other.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Ecosystem = Literal["pypi", "npm", "cargo", "golang", "maven", "gem", "composer"]
Scope = Literal["runtime", "development", "optional", "build"]
Origin = Literal["registry", "git", "url", "path"]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A package that a manifest asks for."""

    name: str
    constraint: str = ""
    scope: Scope = "runtime"
    origin: Origin = "registry"
    target: str = ""
    """Where it comes from when it is no registry, without credentials."""
    line: int | None = None
    conditional: bool = False
    """Asked for on some platforms or versions only."""


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A package at the one version that a lock file names."""

    name: str
    version: str
    hashes: tuple[tuple[str, str], ...] = ()
    """Algorithm and hexadecimal digest; several where the package has several files."""
    licence: str | None = None
    requires: tuple[str, ...] = ()
    development: bool = False


@dataclass(kw_only=True)
class Manifest:
    """What one file says: a manifest declares, a lock file locks, a pinned requirements file does both."""

    path: str
    ecosystem: Ecosystem
    name: str | None = None
    version: str | None = None
    licence: str | None = None
    library: bool = False
    """Whether others install it: then ranges are right, and a lock is a matter of its own development."""
    is_lock: bool = False
    declared: list[Declared] = field(default_factory=list)
    locked: list[Locked] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    """Other files of the tree that this one takes in."""
    notes: list[str] = field(default_factory=list)

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


def direct_dependencies(manifests: list[Manifest]) -> Iterator[tuple[Manifest, Declared]]:
    """What the project itself asks for; a pinned requirements file beside a manifest only locks that."""
    sources = {(each.ecosystem, each.folder) for each in manifests if each.declared and not each.is_lock}
    for manifest in manifests:
        if not manifest.is_lock or (manifest.ecosystem, manifest.folder) not in sources:
            yield from ((manifest, each) for each in manifest.declared)


class Unreadable(ValueError):
    """A manifest whose syntax is broken."""


def python_name(name: str) -> str:
    """The normalised name, under which the index knows a Python package."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()


def without_credentials(address: str) -> str:
    """An address that may be shown."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", address)[:300]


def origin_of(address: str) -> Origin:
    """What kind of place a dependency's address leads to."""
    if re.match(r"(?:git\+|git@|git:|github:|gitlab:|bitbucket:|ssh://git)", address) or address.endswith(
        ".git"
    ):
        return "git"
    scheme = urlsplit(address).scheme if re.match(r"[a-z+]+://", address) else ""
    return "url" if scheme in {"http", "https", "ftp"} else "path"


def line_of(text: str, name: str) -> int | None:
    """The first line that has the name as a word."""
    start = text.find(name) if name else -1
    while start >= 0:
        around = text[max(start - 1, 0) : start] + text[start + len(name) : start + len(name) + 1]
        if not re.search(r"[\w-]", around):
            return text.count("\n", 0, start) + 1
        start = text.find(name, start + len(name))
    return None


def mapping(value: object) -> dict[str, object]:
    """The value when it is a mapping, else an empty one: what a file holds may have any shape."""
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def strings(value: object) -> Iterator[str]:
    """The texts in a list."""
    return (item for item in items(value) if isinstance(item, str))


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None

"""Relative links in Markdown that lead nowhere inside the repository; no link is ever followed outside."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from capsules.repository.analysis import Coverage
from capsules.repository.apart import Apart
from capsules.repository.checkout import Checkout
from capsules.repository.deadline import Deadline
from capsules.repository.roles import role_of

_ELSEWHERE = re.compile(r"^([a-z][a-z0-9+.-]*:|//|[?{<$%])|\{\{|\{%|\$\{", re.IGNORECASE)
_WEB = re.compile(
    r"(^|/)(issues|pulls?|wiki|releases|discussions|actions|security|commits?|compare|blob|tree)(/|$)"
)
_LARGEST = 400_000


@dataclass(frozen=True, kw_only=True)
class DeadLink:
    path: str
    line: int
    target: str
    why: str


@dataclass(kw_only=True)
class Links:
    checked: int = 0
    dead: list[DeadLink] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)


@dataclass(kw_only=True)
class _Pages:
    files: set[str]
    folders: set[str]
    links: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    anchors: dict[str, set[str]] = field(default_factory=dict)


def check_links(checkout: Checkout, seconds: float) -> Links:
    """Look up the target of every relative link of every Markdown page."""
    found, pages = Links(), _Pages(files=set(), folders={""})
    skipped = dict(_read_pages(checkout, pages, Deadline(seconds)))
    for path, links in sorted(pages.links.items()):
        for target, line in links:
            if _ELSEWHERE.search(target):
                continue
            why = _why_dead(pages, path, target)
            found.checked += 1
            if why:
                found.dead.append(DeadLink(path=path, line=line, target=target, why=why))
    examined = len(pages.links)
    found.coverage = Coverage(examined=examined, total=examined + sum(skipped.values()), skipped=skipped)
    return found


def _read_pages(checkout: Checkout, pages: _Pages, deadline: Deadline) -> Iterator[tuple[str, int]]:
    skipped: dict[str, int] = {}
    with Apart("capsules.library.documentation.markdown.outline") as apart:
        for file in checkout.files():
            pages.files.add(file.path)
            pages.folders.update(_parents(file.path))
            if file.language != "Markdown" or file.binary or role_of(file.path) not in {"source", "example"}:
                continue
            content = None if deadline.passed else checkout.read(file.raw, _LARGEST)
            outline = None if content is None else apart.call(file.path, content)
            if outline is None:
                reason = "out of time" if deadline.passed else "too large or not parsed"
                skipped[reason] = skipped.get(reason, 0) + 1
                continue
            pages.links[file.path] = [(target, line) for target, line in outline["links"]]
            pages.anchors[file.path] = {_loose(anchor) for anchor in outline["anchors"]}
    yield from skipped.items()


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _why_dead(pages: _Pages, path: str, target: str) -> str | None:
    """The reason why nothing is there, None when there is or when it cannot be told."""
    place, _, anchor = target.partition("#")
    place = unquote(place.partition("?")[0])
    if not place:
        return _why_no_anchor(pages, path, anchor)
    if place.startswith("/") and not path.lower().startswith("readme"):
        return None
    full = posixpath.normpath(
        posixpath.join("" if place.startswith("/") else posixpath.dirname(path), place.lstrip("/"))
    )
    if full.startswith("..") or _WEB.search(place):
        return None
    page = _page(pages, "" if full == "." else full)
    if page is None:
        return "there is no such file"
    return _why_no_anchor(pages, page, anchor)


def _page(pages: _Pages, full: str) -> str | None:
    """The file or folder that a link means, as GitHub or a documentation generator would find it."""
    stem = full.removesuffix(".html")
    for name in (full, f"{stem}.md", f"{stem}.mdx", f"{stem}/index.md", f"{stem}.rst", f"{stem}.ipynb"):
        if name in pages.files or name in pages.folders:
            return name
    return None


def _why_no_anchor(pages: _Pages, page: str, anchor: str) -> str | None:
    known = pages.anchors.get(page)
    loose = _loose(unquote(anchor))
    if not anchor or known is None or loose in known or not re.fullmatch(r"[\w-]+", loose) or loose == "top":
        return None
    return "that page has no such heading"


def _loose(anchor: str) -> str:
    """An anchor without what generators of sites treat in different ways."""
    return re.sub(r"[-_]+", "-", anchor.lower().removeprefix("user-content-")).strip("-")

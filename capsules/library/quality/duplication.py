"""Blocks of code that stand in two places, found by winnowing fingerprints of lines.

White space, blank lines, comments, imports and lines of mere punctuation do not count. Every block of ten
equal lines is certain to be found; what is kept is 16 bytes a line and one fingerprint for about three.
"""

import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from capsules.repository.analysis import Coverage
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.deadline import Deadline
from capsules.repository.languages import kind_of
from capsules.repository.lines import classify
from capsules.repository.roles import looks_generated, role_of

SHORTEST = 10
_WINDOW = 6
_CHOICE = SHORTEST - _WINDOW + 1
_MOST_LINES = 3_000_000
_IMPORTS = (
    b"import ",
    b"from ",
    b"#include",
    b"using ",
    b"use ",
    b"package ",
    b"require",
    b"export * ",
    b"@import",
)
_MARKUP = {"HTML", "Jinja"}


@dataclass(frozen=True, kw_only=True)
class Place:
    path: str
    first: int
    last: int


@dataclass(kw_only=True)
class Block:
    """The same lines in two places or more."""

    lines: int
    places: list[Place]


@dataclass(kw_only=True)
class Duplication:
    blocks: list[Block] = field(default_factory=list)
    """The largest first."""
    lines: int = 0
    copied: int = 0
    """Lines that stood somewhere else before."""
    coverage: Coverage = field(default_factory=Coverage)


@dataclass(frozen=True, kw_only=True)
class _File:
    path: str
    hashes: "array[int]"
    numbers: "array[int]"

    def place(self, start: int, length: int) -> Place:
        return Place(path=self.path, first=self.numbers[start], last=self.numbers[start + length - 1])


@dataclass(frozen=True, slots=True)
class _Match:
    other: int
    start: int
    here: int
    length: int


class _Index:
    """All files read so far, and where each fingerprint was first seen."""

    def __init__(self) -> None:
        self.files: list[_File] = []
        self._seen: dict[int, tuple[int, int]] = {}

    def add(self, file: _File) -> Iterator[_Match]:
        """Take the file in; yield the blocks that it has in common with what was there before."""
        number, until = len(self.files), 0
        self.files.append(file)
        for at, mark in _fingerprints(file.hashes):
            known = self._seen.setdefault(mark, (number, at))
            if at < until or known == (number, at):
                continue
            match = self._extend(known, (number, at))
            if match and match.length >= SHORTEST and match.here >= until:
                until = match.here + match.length
                yield match

    def _extend(self, known: tuple[int, int], found: tuple[int, int]) -> _Match | None:
        """The longest run of equal lines around two equal fingerprints, never overlapping itself."""
        mine, other = self.files[found[0]].hashes, self.files[known[0]].hashes
        here, there = found[1], known[1]
        same = known[0] == found[0]
        if mine[here] != other[there]:
            return None
        while here and there and mine[here - 1] == other[there - 1]:
            here, there = here - 1, there - 1
        length, most = 0, min(len(mine) - here, (here if same else len(other)) - there)
        while length < most and mine[here + length] == other[there + length]:
            length += 1
        varied = len(set(mine[here : here + length])) * 2 >= length
        return _Match(known[0], there, here, length) if varied else None


def find_duplicates(checkout: Checkout, seconds: float) -> Duplication:
    """Compare all source files with each other."""
    found, index, deadline = Duplication(), _Index(), Deadline(seconds)
    blocks: dict[int, Block] = {}
    total, skipped = 0, dict[str, int]()
    for file in checkout.files():
        if not _is_wanted(file):
            continue
        total += 1
        lines = "out of time" if deadline.passed or found.lines > _MOST_LINES else _read(checkout, file)
        if isinstance(lines, str):
            skipped[lines] = skipped.get(lines, 0) + 1
            continue
        found.lines += len(lines.hashes)
        for match in index.add(lines):
            found.copied += match.length
            _collect(blocks, index, lines, match)
    found.blocks = sorted(
        blocks.values(), key=lambda block: (-block.lines * len(block.places), block.places[0].path)
    )
    found.coverage = Coverage(examined=total - sum(skipped.values()), total=total, skipped=skipped)
    return found


def _collect(blocks: dict[int, Block], index: _Index, lines: _File, match: _Match) -> None:
    other = index.files[match.other]
    key = hash(tuple(lines.hashes[match.here : match.here + SHORTEST]))
    block = blocks.get(key)
    if block is None:
        block = blocks[key] = Block(lines=match.length, places=[other.place(match.start, match.length)])
    block.lines = min(block.lines, match.length)
    block.places.append(lines.place(match.here, match.length))


def _is_wanted(file: SourceFile) -> bool:
    code = kind_of(file.language) == "code" and file.language not in _MARKUP
    return code and not file.binary and role_of(file.path) == "source"


def _read(checkout: Checkout, file: SourceFile) -> _File | str:
    content = checkout.read(file.raw, 1_000_000)
    if content is None:
        return "larger than 1 MB"
    if looks_generated(content):
        return "generated"
    hashes, numbers = array("Q"), array("L")
    for number, (kind, line) in enumerate(classify(content, file.language), start=1):
        if kind == "code" and _says_something(line):
            hashes.append(zlib.crc32(line) << 32 | zlib.adler32(line))
            numbers.append(number)
    return _File(path=file.path, hashes=hashes, numbers=numbers)


def _says_something(line: bytes) -> bool:
    return not line.startswith(_IMPORTS) and any(
        0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A or byte > 0x7F for byte in line
    )


def _fingerprints(hashes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Of every few neighbouring windows the smallest hash, with the line it begins at."""
    windows = [hash(tuple(hashes[at : at + _WINDOW])) for at in range(len(hashes) - _WINDOW + 1)]
    last = -1
    for start in range(len(windows) - _CHOICE + 1):
        at = min(range(start, start + _CHOICE), key=lambda place: (windows[place], -place))
        if at != last:
            yield at, windows[at]
            last = at

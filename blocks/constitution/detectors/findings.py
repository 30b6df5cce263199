"""What a detector found and where, and the bounded walk over any JSON value that all detectors share."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_CHARACTERS = 4_000_000
"""Characters of one value that are looked at."""
MOST_PARTS = 200_000
"""Keys, leaves and containers of one value that are looked at."""
DEEPEST = 200
"""Containers inside one another that are entered."""
TOO_MUCH = "too-much"
"""The kind of the finding that says that a value was too large to look through: it counts as suspicious."""
SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One stretch of a text that a detector answers to."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found: what, where, and enough of it to recognise it but not to use it."""

    kind: str
    place: str
    """Dotted path from the root of the value, empty for the value itself; `(key)` follows a key."""
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text of a value and the key that it stands under."""

    text: str
    name: str = ""
    """The nearest key above, which tells what a value is; empty for keys and for a bare text."""
    above: tuple[Any, ...] = ()
    """(path above, key) pairs, nested: written out only when something was found."""
    is_key: bool = False

    @property
    def place(self) -> str:
        steps: list[str] = []
        path: tuple[Any, ...] = self.above
        while path:
            path, step = path
            steps.append(str(step))
        return ".".join(reversed(steps)) + (" (key)" if self.is_key else "")


class TooMuch(Exception):
    """The value is larger or deeper than a detector looks at."""


def texts_of(value: Any, *, numbers: bool = False) -> Iterator[Text]:
    """Every key and text of a value in order, with whole numbers as texts too when they are asked for.

    Raises `TooMuch` above the bounds of this module, which also ends a value that contains itself.
    """
    stack: list[tuple[Any, str, tuple[Any, ...], int]] = [(value, "", (), 0)]
    characters = parts = 0
    while stack:
        inner, name, above, depth = stack.pop()
        parts += 1
        if isinstance(inner, bytes):
            inner = inner.decode("utf-8", "replace")  # bytes are read as the text they hold
        if isinstance(inner, str):
            characters += len(inner)
            _check(characters, parts, depth)
            yield Text(text=inner, name=name, above=above)
        elif isinstance(inner, Mapping):
            _check(characters, parts + len(inner), depth)
            for key in inner:
                if isinstance(key, str):
                    characters += len(key)
                    yield Text(text=key, above=(above, key), is_key=True)
            stack += [
                (below, str(key), (above, key), depth + 1) for key, below in reversed(list(inner.items()))
            ]
        elif isinstance(inner, list | tuple | set | frozenset):
            _check(characters, parts + len(inner), depth)
            below = list(inner)
            stack += [(below[i], name, (above, i), depth + 1) for i in range(len(below) - 1, -1, -1)]
        elif numbers and isinstance(inner, int) and not isinstance(inner, bool):
            yield Text(text=str(inner), name=name, above=above)


def any_in(value: Any, search: Callable[[Text], Iterable[Hit]], *, numbers: bool = False) -> bool:
    """Whether the search answers to any text of the value, or the value is too large to look through."""
    if isinstance(value, str) and len(value) <= MOST_CHARACTERS:
        return any(True for _ in search(Text(text=value)))
    try:
        texts = list(texts_of(value, numbers=numbers))
    except TooMuch:
        return True
    return any(True for text in texts for _ in search(text))


def found_in(
    value: Any,
    search: Callable[[Text], Iterable[Hit]],
    *,
    show: Callable[[str], str],
    numbers: bool = False,
) -> list[Finding]:
    """All that the search answers to, in order; `show` makes what may be quoted of it."""
    found: list[Finding] = []
    try:
        for text in texts_of(value, numbers=numbers):
            found += [
                Finding(kind=hit.kind, place=text.place, excerpt=show(text.text[hit.start : hit.end]))
                for hit in search(text)
            ]
    except TooMuch:
        found.append(Finding(kind=TOO_MUCH, place="", excerpt=f"more than {MOST_CHARACTERS} characters"))
    return found


def shortened(text: str) -> str:
    """The beginning of a text, on one line and with what cannot be seen written out."""
    plain = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return plain if len(plain) <= SHOWN else plain[: SHOWN - 1] + "…"


def masked(text: str) -> str:
    """Two characters at most and the length: enough to find the value again, too little to use it."""
    kept = text[:2] if len(text) >= 12 else ""
    return f"{kept}… ({len(text)} characters)"


def _check(characters: int, parts: int, depth: int) -> None:
    if characters > MOST_CHARACTERS or parts > MOST_PARTS or depth > DEEPEST:
        raise TooMuch

"""What was taken in from one kind of source, and whether a value was in it."""

from collections.abc import Iterator
from decimal import Decimal

from blocks.provenance.wording import SEPARATOR, flat, number, numbers, stands_alone, words

SHORT = 6
"""Shorter values must stand alone in a text; longer ones are found inside of longer words as well."""


class Taken:
    """Fields and free texts that share their labels."""

    def __init__(self, labels: frozenset[str]) -> None:
        self.labels = labels
        self.fields: set[str] = set()
        self.texts: list[str] = []
        self._field_numbers: set[Decimal] = set()
        self._numbers: set[Decimal] = set()
        self._counted = 0
        self._haystack = SEPARATOR
        self._words = ""
        self._worded = 0

    def add_field(self, needle: str) -> None:
        self.fields.add(needle)
        found = number(needle)
        if found is not None:
            self._field_numbers.add(found)

    def add_text(self, text: str) -> None:
        self.texts.append(text)
        self._haystack += flat(text) + SEPARATOR

    def has_field(self, needle: str) -> bool:
        return needle in self.fields

    def has_text(self, needle: str) -> bool:
        if len(needle) < SHORT:
            return stands_alone(needle, self._haystack)
        return needle in self._haystack

    def has_number(self, value: Decimal) -> Iterator[str]:
        """`field` and `text`, where the number is one."""
        if value in self._field_numbers:
            yield "field"
        for text in self.texts[self._counted :]:
            self._numbers.update(numbers(text))
        self._counted = len(self.texts)
        if value in self._numbers:
            yield "text"

    def has_words(self, run: tuple[str, ...]) -> bool:
        """Whether the words follow each other in one of the texts."""
        fresh = self.texts[self._worded :]
        self._words += "".join(f" {' '.join(words(flat(text)))} {SEPARATOR}" for text in fresh)
        self._worded = len(self.texts)
        return f" {' '.join(run)} " in self._words

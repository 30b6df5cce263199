"""The trusted request, and whether a value is in it."""

from decimal import Decimal

from blocks.provenance.wording import SEPARATOR, flat, normal, number, numbers, stands_alone

LONGEST_REQUEST = 200_000
COMMON_TEXT = """
a about after all also an and any are as at be because been before but by can could did do does for from
get give had has have he her here him his how i if in into is it its just let like make may me more most
my need new no not now of on one only or other our out over please put see send she should so some such
take tell than thank thanks that the their them then there these they this those to too up us use using
very want was we were what when where which who will with would yes you your
"""
COMMON = frozenset(COMMON_TEXT.split())
"""Words of nearly every request; an attacker could count on them, so alone they prove nothing."""


class Request:
    """What the person said; a value is in it when it stands there by itself, or is one of its fields."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._room = LONGEST_REQUEST
        self._whole: set[str] = set()
        self._numbers: set[Decimal] = set()
        self._haystack = SEPARATOR

    def add(self, text: str) -> None:
        """Adds one text; what is beyond 200,000 characters is not trusted."""
        text = text[: self._room]
        self._room -= len(text)
        if text:
            self.texts.append(text)
            self._whole.add(normal(text))
            self._numbers.update(numbers(text))
            self._haystack += flat(text) + SEPARATOR

    def holds(self, text: str) -> bool:
        """Whether the text as a whole is in the request, whatever its case and spaces."""
        needle = normal(text)
        if not needle or SEPARATOR in needle:
            return False
        if needle in self._whole:
            return True
        if needle in COMMON:
            return False
        return stands_alone(needle, self._haystack) or number(text) in self._numbers

    def holds_number(self, value: Decimal) -> bool:
        return value in self._numbers

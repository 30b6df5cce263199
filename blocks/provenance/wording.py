"""Forms in which the same value may be written, for comparing what was read with what is about to be done."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote, urlsplit

AROUND = " \t\n\r\f\v\"'`\u00b4\u201c\u201d\u2018\u2019«»<>()[]{}.,;:!?*_"
"""Whitespace, quotes, brackets and punctuation around a value do not make it another one."""
JOINERS = frozenset("@.+-/:%&=~#_\\?'\u2019")
"""A character that ties two words to one token: the address of `ann@example.org` holds no value `ann`."""
SEPARATOR = "\0"
"""Stands between two texts that are searched as one."""
MOST_TOKENS = 200
SHORTEST_ENCODED = 8
SHORTEST_TOKEN = 4
_DIGITS = re.compile(r"(?<![\w.])-?\d[\d,']*(?:\.\d+)?(?![\d])")
_PIECES = re.compile(r"[^\s\"'`<>()\[\]{},;|]+")
_PLUS = re.compile(r"\+[^@\s]*@")
_TELLING = re.compile(r"[\d@/._:+=\\-]")
_WORDS = re.compile(r"\w+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){4,}")


def normal(text: str) -> str:
    """One form for all that differ in case, in whitespace, or in punctuation around the text."""
    return flat(text).strip(AROUND)


def flat(text: str) -> str:
    """Lower case and single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.casefold().split())


def words(text: str) -> list[str]:
    """The words of a text that is flat already, without punctuation."""
    return _WORDS.findall(text)


def number(value: Any) -> Decimal | None:
    """The number that a value is or spells (`1,200.00` and `£1200` are 1200); None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _decimal(repr(value))
    if isinstance(value, str) and len(value) <= 40:
        match = _DIGITS.fullmatch(value.strip(AROUND + "£$€¥%").strip())
        return _decimal(match[0]) if match else None
    return None


def numbers(text: str) -> Iterator[Decimal]:
    """The numbers that a text speaks of; `10%` and `€10` are 10."""
    for match in _DIGITS.finditer(text):
        found = _decimal(match[0])
        if found is not None:
            yield found


def tokens(text: str) -> list[str]:
    """The parts of a text that name something: addresses, hosts, ids, amounts; the first 200 of them."""
    found: dict[str, None] = {}
    for match in _PIECES.finditer(text):
        piece = match[0].strip(AROUND)
        if len(piece) >= SHORTEST_TOKEN and _TELLING.search(piece):
            found[piece] = None
            found.update(dict.fromkeys(_of_address(piece)))
        if len(found) >= MOST_TOKENS:
            break
    return list(found)


def readings(text: str) -> list[str]:
    """What a text says when it is decoded, cleaned of invisible characters, or freed of a plus-address."""
    found: dict[str, None] = {}
    waiting = [text]
    for _ in range(2):
        waiting = [reading for one in waiting for reading in _decoded(one) if reading != one]
        if not waiting:
            break
        found.update(dict.fromkeys(waiting))
    if not found:
        return []
    plain = normal(text)
    return [form for form in dict.fromkeys(map(normal, found)) if form and form != plain]


def stands_alone(needle: str, haystack: str) -> bool:
    """Whether the text holds the value as a token or as words of its own, not as a part of a longer one."""
    start = haystack.find(needle)
    while start >= 0:
        end = start + len(needle)
        if _ends(haystack[end : end + 2]) and _ends(haystack[max(0, start - 2) : start][::-1]):
            return True
        start = haystack.find(needle, start + 1)
    return False


def _ends(beside: str) -> bool:
    """Whether a token ends where these two characters follow, the nearer one first."""
    if not beside:
        return True
    if beside[0].isalnum() or not beside[0].isprintable():
        return beside[0] == SEPARATOR
    return not (beside[0] in JOINERS and len(beside) > 1 and beside[1].isalnum())


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text.replace(",", "").replace("'", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _of_address(piece: str) -> Iterator[str]:
    """The host and the values inside of a URL, or the host of an e-mail address."""
    if "@" in piece and "/" not in piece:
        yield piece.rpartition("@")[2]
    elif "/" in piece:
        try:
            address = urlsplit(piece if "//" in piece else f"//{piece}")
        except ValueError:
            return
        yield from (part for part in (address.netloc, address.hostname or "") if len(part) >= SHORTEST_TOKEN)
        values = re.split(r"[&=/?#]", f"{address.path}&{address.query}&{address.fragment}")
        yield from (unquote(part) for part in values if len(part) >= SHORTEST_TOKEN)


def _decoded(text: str) -> Iterator[str]:
    if not text.isascii():
        wide = unicodedata.normalize("NFKC", text)
        yield "".join(char for char in wide if unicodedata.category(char) not in {"Cf", "Mn"})
    if "+" in text:
        yield _PLUS.sub("@", text)
    if "%" in text:
        yield unquote(text)
    if " " in text or "-" in text:
        yield text.replace(" ", "").replace("-", "")
    if len(text) >= SHORTEST_ENCODED:
        yield from _from_bytes(text.strip())


def _from_bytes(text: str) -> Iterator[str]:
    """The text inside of base64 or hexadecimal digits, where that is a text."""
    found: list[bytes] = []
    if _HEX.fullmatch(text.lower()):
        found.append(bytes.fromhex(text))
    if _BASE64.fullmatch(text):
        with suppress(binascii.Error):
            standard = text.replace("+", "-").replace("/", "_").rstrip("=")
            found.append(base64.urlsafe_b64decode(standard + "=="))
    for raw in found:
        try:
            decoded = raw.decode()
        except UnicodeDecodeError:
            continue
        if decoded.isprintable():
            yield decoded

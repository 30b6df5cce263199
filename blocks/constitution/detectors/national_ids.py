"""National numbers of people, most with a checksum, near their name or of a telling shape."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.se import personnummer

from blocks.constitution.detectors.findings import Hit

_REACH = 40
"""Characters after the word in which the number begins and ends."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """One country's number: its shape, its checksum, and its names (none: the shape is enough)."""

    kind: str
    shape: re.Pattern[str]
    is_valid: Callable[[str], bool]
    words: re.Pattern[str] | None = None


def _number(kind: str, shape: str, is_valid: Callable[[str], bool], words: str = "") -> Number:
    return Number(
        kind=kind,
        shape=re.compile(rf"(?<![\w.-])(?:{shape})(?![\w-])"),
        is_valid=is_valid,
        words=re.compile(rf"(?i)(?<![a-z])(?:{words})(?![a-z])") if words else None,
    )


def _is_ssn(text: str) -> bool:
    """By the rules of the Social Security Administration, which gave out no checksum."""
    digits = re.sub(r"\D", "", text)
    return (
        digits[:3] not in {"000", "666"} and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
    )


_DIGITS = r"\d(?:[ .-]?\d){%s}"

NUMBERS = (
    _number("us-ssn", r"\d{3}[ -]?\d{2}[ -]?\d{4}", _is_ssn, r"ssn|social security|my social"),
    _number("gb-nhs", _DIGITS % 9, nhs.is_valid, "nhs"),
    _number(
        "gb-nino",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        lambda text: text[:2] not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"},
        r"national insurance|nino|ni (?:number|no)",
    ),
    _number("nl-bsn", _DIGITS % "7,8", bsn.is_valid, r"bsn|burgerservicenummer|sofinummer"),
    _number("fr-nir", _DIGITS % 14, nir.is_valid, r"nir|insee|sécurité sociale|sécu"),
    _number("br-cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid),
    _number("br-cpf", r"\d{11}", cpf.is_valid, "cpf"),
    _number("es-dni", r"\d{8}-?[A-Z]", dni.is_valid, r"dni|nif|documento"),
    _number("es-nie", r"[XYZ]-?\d{7}-?[A-Z]", nie.is_valid, r"nie|nif|extranjero"),
    _number("it-codice-fiscale", r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", codicefiscale.is_valid),
    _number("pl-pesel", r"\d{11}", pesel.is_valid, "pesel"),
    _number("se-personnummer", r"\d{6}(?:\d{2})?[-+]?\d{4}", personnummer.is_valid, r"personnummer|pnr"),
    _number("de-steuer-id", _DIGITS % 10, idnr.is_valid, r"steuer\S{0,20}|idnr|tax id|tin"),
    _number("ch-ahv", r"756\.\d{4}\.\d{4}\.\d{2}", ahv.is_valid),
    _number(
        "be-rijksregister",
        _DIGITS % 10,
        nn.is_valid,
        r"rijksregister\w*|registre national|national number|niss",
    ),
    _number("in-aadhaar", _DIGITS % 11, aadhaar.is_valid, r"aadhaa?r|uid"),
    _number(
        "no-fodselsnummer",
        r"\d{6} ?\d{5}",
        fodselsnummer.is_valid,
        r"fødselsnummer|fodselsnummer|personnummer",
    ),
    _number("mx-curp", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d", curp.is_valid),
)


def national_ids(text: str) -> Iterator[Hit]:
    """Every national number in a text."""
    for number in NUMBERS:
        if number.words is None:
            yield from _valid(number, text, 0, len(text))
        else:
            for word in number.words.finditer(text):
                yield from _valid(number, text, word.end(), word.end() + _REACH)


def _valid(number: Number, text: str, start: int, end: int) -> Iterator[Hit]:
    for match in number.shape.finditer(text, start, end):
        if number.is_valid(match.group()):
            yield Hit(kind=number.kind, start=match.start(), end=match.end())

"""Data about a person that has a shape: e-mail, phone, account, card and national numbers, dates of birth.

Names and postal addresses have none that could be told from other words; they are out of scope.
"""

import re
from collections.abc import Iterator
from typing import Any

import phonenumbers
from stdnum import iban, luhn

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, masked
from blocks.constitution.detectors.national_ids import national_ids

REGIONS = (
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "AT",
    "CH",
    "BE",
    "SE",
    "PL",
    "IN",
    "BR",
    "JP",
    "AU",
    "MX",
)
"""Where a number without a country code may be from, when a word says that it is a phone number."""
MOST_PHONES = 500
"""Candidates of one text that are parsed; more are a list of numbers and count as phone numbers."""

_WORTH_A_LOOK = re.compile(r"\d(?:\D{0,15}\d){4}|@")
_MAIL = re.compile(
    r"(?<![\w.+-])(?<!://)([\w.+-]{1,64})@((?:[\w-]{1,63}\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59}))"
    r"(?![\w@]|:[\w/~])"
)
_NO_DOMAIN = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "json", "html", "local", "test"}
)
_NOBODY = frozenset({"git", "noreply", "no-reply", "donotreply"})
_USER_IN_URL = re.compile(r"://[^\s/]{0,200}\Z")
_INTERNATIONAL = re.compile(r"(?<![\w.+])\+\d[\d ().\-/]{6,22}\d(?!\w)")
_NATIONAL = re.compile(
    r"(?i)(?<![a-z])(?:(?:tele|mobile|cell|work|home)?[ -]?(?:phone|fon)"
    r"|t[eé]l(?:[eé]phone|[eé]fono|efon|efoon|efax)?"
    r"|mobile?|mobil|handy|cell|fax|whatsapp|(?:call|ring|reach|text) (?:me|us)"
    r"|number|nummer)"
    r"[^\d+\n]{0,20}([(+]?\d[\d ().\-/]{6,20}\d)(?!\w)"
)
_CARD = re.compile(
    r"(?<![\w.+-])(?:3[47]|35|36|4|5[1-5]|2[2-7]|6[0245])\d{0,19}"
    r"(?:[ -]?\d{2,6}){2,4}(?!\w|\.\d)"
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)"
    r"(?![A-Za-z0-9])"
)
_MONTH = (
    r"(?:jan|feb|f[eé]v|m[aä]r|apr|avr|abr|ma[iyg]|ju[niy]|jul|giu|lug|aug|ago|ao[uû]|sep|set|o[ck]t"
    r"|ott|out|nov"
    r"|de[czs]|d[eé]c|dic|gen|ene)[^\W\d_]{0,8}\.?"
)
_BIRTH = re.compile(
    r"(?i)(?<![a-z])(?:date of birth|birth ?da(?:te|y)|dob|born(?: on)?|geboren(?: am)?|geb\."
    r"|geburts(?:datum|tag)|née? le|date de naissance|fecha de nacimiento|nacid[oa] el|data di nascita"
    r"|nat[oa] il|geboortedatum"
    r"|data de nascimento|дата рождения)[\s:=\"'is-]{1,12}"
    rf"(\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\d{{1,2}}\.?(?: de)? {_MONTH}(?: de)? \d{{4}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})"
)


def has_personal_data(value: Any) -> bool:
    """Whether the value holds data about a person, or is too large to look at."""
    return any_in(value, search, numbers=True)


def findings(value: Any) -> list[Finding]:
    """What of the value is data about a person, masked."""
    return found_in(value, search, show=masked, numbers=True)


def search(text: Text) -> Iterator[Hit]:
    """Every stretch of a text that is data about a person; the name of a leaf counts as a word before it."""
    if not _WORTH_A_LOOK.search(text.text):
        return
    before = f"{text.name.replace('_', ' ')}: " if text.name else ""
    shift = len(before)
    for hit in _in_text(before + text.text):
        if hit.end > shift:
            yield Hit(kind=hit.kind, start=max(hit.start - shift, 0), end=hit.end - shift)


def _in_text(text: str) -> Iterator[Hit]:
    if "@" in text:
        yield from _mails(text)
    yield from _phones(text)
    for match in _CARD.finditer(text):
        digits = re.sub(r"[ -]", "", match.group())
        if 13 <= len(digits) <= 19 and luhn.is_valid(digits):
            yield Hit(kind="payment-card", start=match.start(), end=match.end())
    for match in _IBAN.finditer(text):
        if _is_iban(match.group()) or _is_iban(match.group().rpartition(" ")[0]):
            yield Hit(kind="iban", start=match.start(), end=match.end())
    yield from national_ids(text)
    for match in _BIRTH.finditer(text):
        yield Hit(kind="date-of-birth", start=match.start(1), end=match.end(1))


def _is_iban(text: str) -> bool:
    return bool(iban.is_valid(text, check_country=False))


def _mails(text: str) -> Iterator[Hit]:
    for match in _MAIL.finditer(text):
        last = match.group(2).rpartition(".")[2].lower()
        in_url = _USER_IN_URL.search(text, max(match.start() - 210, 0), match.start())
        if last not in _NO_DOMAIN and match.group(1).lower() not in _NOBODY and not in_url:
            yield Hit(kind="e-mail", start=match.start(), end=match.end())


def _phones(text: str) -> Iterator[Hit]:
    tried = 0
    for pattern, group, regions in ((_INTERNATIONAL, 0, ("ZZ",)), (_NATIONAL, 1, REGIONS)):
        for match in pattern.finditer(text):
            tried += 1
            if tried > MOST_PHONES or _is_phone(match.group(group), regions):
                yield Hit(kind="phone", start=match.start(group), end=match.end(group))


def _is_phone(text: str, regions: tuple[str, ...]) -> bool:
    if regions is REGIONS and not text.startswith("+") and sum(map(str.isdigit, text)) < 9:
        return False
    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False

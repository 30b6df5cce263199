"""Constitutions that this process has read: parsing one takes a tenth of a second, so each is parsed once."""

import hashlib
from collections.abc import Mapping
from threading import Lock

from blocks.constitution.constitution import Constitution
from blocks.constitution.document import parse_constitution
from blocks.constitution.signing import Signature, check
from blocks.keys import PublicKey

MOST = 8
"""How many are kept: the one in force, its shadow, those before, and some candidates."""

_by_text: dict[str, Constitution] = {}
"""SHA-256 of the text -> what it says; immutable, so one object serves all, forked processes too."""
_lock = Lock()


def parsed(text: str, where: str = "the constitution") -> Constitution:
    """The constitution of the text, or `ConstitutionInvalid` with every problem in it."""
    key = text_hash(text)
    found = _by_text.get(key)
    if found is None:
        found = parse_constitution(text, where)
        with _lock:
            while len(_by_text) >= MOST:
                del _by_text[next(iter(_by_text))]
            _by_text[key] = found
    return found


def known(sha256: str) -> Constitution | None:
    """The constitution of the text with this hash, if this process has read it."""
    return _by_text.get(sha256)


def verified(
    text: str, signature: Signature, keys: Mapping[str, PublicKey], where: str = "the constitution"
) -> Constitution:
    """The constitution of a text that a trusted key has signed; `SignatureInvalid` when none has."""
    constitution = parsed(text, where)
    check(constitution, signature, keys)
    return constitution


def text_hash(text: str) -> str:
    """SHA-256 of the text as UTF-8, hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

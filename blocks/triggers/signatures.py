"""Signed webhooks, as Standard Webhooks says: HMAC-SHA256 over `id.timestamp.body`.

A secret is made from the hub's key and a random salt of its trigger, so that nothing which could be stolen
is kept beside the triggers: whoever has only the database can forge no event.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping

from blocks.errors import Unauthenticated
from blocks.keys import SigningKey

TOLERANCE = 300
"""Seconds by which the sender's clock may be off, either way; older events are replays."""
PREFIX = "whsec_"
ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
_NAME = re.compile(r"[\x21-\x7e]{1,200}")
_REFUSED = "no webhook of this address has such a signature"


class SignatureWrong(Unauthenticated):
    """No webhook of this address has such a signature."""


def new_salt() -> str:
    """What makes a secret new."""
    return secrets.token_hex(16)


def secret_of(key: SigningKey, trigger: str, salt: str) -> str:
    """The secret that the trigger's senders sign with, such as `whsec_C2FVsBQIhrscChlQIMV+…`."""
    raw = key.derive(f"soma webhook {trigger}", salt.encode())
    return PREFIX + base64.b64encode(raw).decode()


def sign(secret: str, delivery: str, timestamp: int, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{delivery}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, at: float | None = None) -> str:
    """The id of the event, if the sender knew the secret and signed it just now; else `SignatureWrong`."""
    delivery, stamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    given = headers.get(SIGNATURE, "").split()[:10]
    known = _NAME.fullmatch(delivery) is not None and stamp.isascii() and stamp.isdigit() and len(stamp) < 13
    expected = sign(secret, delivery if known else "", int(stamp) if known else 0, body).encode()
    matches = [hmac.compare_digest(one.encode("utf-8", "replace"), expected) for one in given]
    if not known or not any(matches):
        raise SignatureWrong(_REFUSED)
    off = (time.time() if at is None else at) - int(stamp)
    if abs(off) > TOLERANCE:
        raise SignatureWrong(
            f"the event was signed {abs(off):.0f} seconds {'ago' if off > 0 else 'ahead'}, "
            f"and {TOLERANCE} are the most; set the sender's clock, or sign anew"
        )
    return delivery

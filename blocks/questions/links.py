"""Links by which one person answers one question once, without a token: signed with the hub's key.

The signature covers the approval, the digest of what is agreed to, the person and the end. The key lies
outside of the database, so that whoever can write to the database cannot make a link.
"""

import base64
import binascii
import re

from blocks.keys import SigningKey
from blocks.records.notice_tables import AnswerLink

_TOKEN = re.compile(r"(lnk_[0-9a-f]{20})\.([A-Za-z0-9_-]{86})")


def token_of(key: SigningKey, link: AnswerLink) -> str:
    """What the address of the link ends with; the same whenever it is asked for."""
    raw = base64.b64decode(key.sign(_payload(link)))
    return f"{link.id}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def link_id(token: str) -> str | None:
    """The link that a token says it is; None for what is no token."""
    found = _TOKEN.fullmatch(token)
    return found[1] if found else None


def is_genuine(key: SigningKey, link: AnswerLink, token: str) -> bool:
    """Whether the hub has signed exactly this link."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return False
    try:
        raw = base64.urlsafe_b64decode(found[2] + "==")
    except (binascii.Error, ValueError):
        return False
    return key.public.verify(_payload(link), base64.b64encode(raw).decode())


def _payload(link: AnswerLink) -> bytes:
    ends = int(link.expires_at.timestamp())
    parts = (link.id, link.tenant, link.approval, link.action_digest, link.person, str(ends))
    return "\n".join(("soma answer link", *parts)).encode()

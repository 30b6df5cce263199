"""Signatures of constitutions: Ed25519 over the digest, the name and the version, apart from the document."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import rfc8785

from blocks.constitution.constitution import Constitution
from blocks.errors import BadInput
from blocks.keys import PublicKey, SigningKey

TYPE = "soma/constitution"
"""Part of what is signed, so that a signature under anything else never counts here."""
FIELDS = ("key", "signature", "digest")
LARGEST = 10_000


class SignatureInvalid(BadInput):
    """The constitution is not signed by a trusted key. Sign it: `soma constitution sign FILE --key KEY`."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who signed which digest."""

    key: str
    """The id of the key."""
    signature: str
    """Base64."""
    digest: str

    @property
    def text(self) -> str:
        """The signature as the file `NAME.yaml.sig`."""
        return json.dumps({name: getattr(self, name) for name in FIELDS}, indent=2) + "\n"


def payload(*, digest: str, name: str, version: str) -> bytes:
    """The bytes that are signed: canonical JSON (RFC 8785)."""
    return rfc8785.dumps({"type": TYPE, "digest": digest, "name": name, "version": version})


def sign(constitution: Constitution, key: SigningKey) -> Signature:
    """The key's signature under the constitution."""
    said = payload(digest=constitution.digest, name=constitution.name, version=constitution.version)
    return Signature(key=key.id, signature=key.sign(said), digest=constitution.digest)


def check(constitution: Constitution, signature: Signature, keys: Mapping[str, PublicKey]) -> None:
    """Raise `SignatureInvalid` unless a trusted key signed exactly this constitution."""
    title = f"{constitution.name} {constitution.version}"
    if signature.digest != constitution.digest:
        raise SignatureInvalid(
            f"the signature is under another text than this {title}: it says {signature.digest[:12]}…, "
            f"the text has {constitution.digest[:12]}…",
            mend="sign the text as it is now",
        )
    key = keys.get(signature.key)
    if key is None:
        raise SignatureInvalid(
            f"{title} is signed with the key {signature.key!r}, which this hub does not trust",
            mend="`soma keys trust FILE.pub` on the hub's machine trusts it, `soma keys list` shows all",
        )
    said = payload(digest=constitution.digest, name=constitution.name, version=constitution.version)
    if not key.verify(said, signature.signature):
        raise SignatureInvalid(f"the signature under {title} is not the key {signature.key}'s")


def read_signature(text: str, where: str = "the signature") -> Signature:
    """The signature of a `.sig` file's text."""
    try:
        data = json.loads(text) if len(text) <= LARGEST else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or not all(isinstance(data.get(name), str) for name in FIELDS):
        raise BadInput(
            f"{where} is not a signature file: it is JSON with the texts {', '.join(FIELDS)}",
            mend="`soma constitution sign FILE` writes it",
        )
    return Signature(**{name: data[name] for name in FIELDS})


def signature_path(constitution: Path) -> Path:
    """Where the signature of a constitution's file lies: beside it."""
    return constitution.with_name(f"{constitution.name}.sig")


def load_signature(constitution: Path) -> Signature:
    """The signature that lies beside the constitution's file."""
    path = signature_path(constitution)
    try:
        return read_signature(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError):
        raise BadInput(
            f"there is no signature {path}", mend=f"`soma constitution sign {constitution}` writes it"
        ) from None

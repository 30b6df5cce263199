"""Ed25519 keys: the hub's own, those of authors, and the public keys that the hub trusts.

A private key is a PEM file (PKCS #8) with mode 0600, a public key a PEM file (SubjectPublicKeyInfo), as
`openssl` reads them. The folder of keys lies outside of the database, so that whoever can write to the
database cannot make it trust a key.
"""

import base64
import binascii
import contextlib
import hashlib
import logging
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from blocks.errors import BadInput, Conflict
from blocks.private_files import make_private, read_private

logger = logging.getLogger(__name__)
HUB_KEY = "hub.key"
HUB_PUBLIC = "hub.pub"
TRUSTED = "trusted"
LARGEST = 10_000
"""Bytes; a public key has 113."""


@dataclass(frozen=True)
class PublicKey:
    """A key that checks signatures."""

    raw: bytes
    """32 bytes."""

    @classmethod
    def from_text(cls, text: str, where: str = "the public key") -> Self:
        """The key of a PEM text; `BadInput` when it is not an Ed25519 public key."""
        try:
            key = load_pem_public_key(text.encode())
        except (ValueError, UnsupportedAlgorithm):
            raise _not_a_key(where, "public") from None
        if not isinstance(key, Ed25519PublicKey):
            raise _not_a_key(where, "public")
        return cls(key.public_bytes_raw())

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The key of a file; one that others may write to is no ground to trust anybody."""
        try:
            status = path.stat()
            if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise BadInput(f"the key {path} can be changed by others", mend=f"chmod go-w {path}")
            text = path.read_text(encoding="ascii") if status.st_size <= LARGEST else ""
        except OSError as error:
            raise BadInput(f"cannot read the key {path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise _not_a_key(str(path), "public") from None
        return cls.from_text(text, str(path))

    @cached_property
    def id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the raw key."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The key as PEM."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def verify(self, payload: bytes, signature: str) -> bool:
        """Whether the signature (base64) is this key's over exactly this payload."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(
                base64.b64decode(signature, validate=True), payload
            )
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class SigningKey:
    """A key that signs; what it is made of is never shown."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key().public_bytes_raw())

    @property
    def id(self) -> str:
        return self.public.id

    def sign(self, payload: bytes) -> str:
        """The signature, as base64."""
        return base64.b64encode(self._key.sign(payload)).decode()

    def derive(self, purpose: str, salt: bytes = b"") -> bytes:
        """32 secret bytes for one purpose, always the same; they tell nothing of the key or of each other."""
        raw = self._key.private_bytes_raw()
        return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=purpose.encode()).derive(raw)

    @classmethod
    def ensure(cls, folder: Path) -> Self:
        """The hub's own key, made at the first call; one caller of several makes it, all read the same."""
        key = cls.ensure_at(folder / HUB_KEY)
        _show_public(folder / HUB_PUBLIC, key.public)
        return key

    @classmethod
    def ensure_at(cls, path: Path) -> Self:
        """The key of a file, made at the first call; one caller of several makes it, all read the same."""
        if not path.exists():
            make_private(path, _new_key())
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The key of a file; `BadInput` when others can read the file or when it holds no Ed25519 key."""
        text = read_private(path, "signing key")
        try:
            key = load_pem_private_key(text.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
            raise _not_a_key(str(path), "private") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise _not_a_key(str(path), "private")
        return cls(key)

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new key at `path`, its public half beside it as `.pub`; nothing is ever overwritten."""
        public = path.with_suffix(".pub")
        if public.exists() or not make_private(path, _new_key()):
            raise Conflict(f"there is a key {path} already", mend="choose another name")
        key = cls.load(path)
        public.write_text(key.public.text, encoding="ascii")
        public.chmod(0o644)
        return key


def trusted_keys(folder: Path) -> Mapping[str, PublicKey]:
    """The public keys whose signatures count, by id: the hub's own and those in `trusted/`.

    A file that holds no key is told and left out: less is trusted then, never more.
    """
    return {key.id: key for _, key in trusted_files(folder)}


def trusted_files(folder: Path) -> list[tuple[Path, PublicKey]]:
    """The same with the files that they lie in."""
    found: list[tuple[Path, PublicKey]] = []
    for path in (folder / HUB_PUBLIC, *sorted((folder / TRUSTED).glob("*.pub"))):
        if path.name == HUB_PUBLIC and not path.exists():
            continue
        try:
            found.append((path, PublicKey.from_file(path)))
        except BadInput as error:
            logger.error("not trusted: %s", error.message)  # noqa: TRY400  # the reader's matter, no traceback
    return found


def trust(folder: Path, public: PublicKey, name: str) -> Path:
    """Let the key's signatures count from now on; harmless to repeat."""
    path = folder / TRUSTED / f"{name}.pub"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists() and PublicKey.from_file(path) != public:
        raise Conflict(f"another key is trusted as {name!r}", mend=f"remove {path} or choose another name")
    path.write_text(public.text, encoding="ascii")
    path.chmod(0o644)
    return path


def _show_public(path: Path, public: PublicKey) -> None:
    """Keep the public half beside the key, so that whoever checks needs no private one."""
    with contextlib.suppress(OSError, BadInput):
        if PublicKey.from_file(path) == public:
            return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # each writer's own: several may be at it
    draft.write_text(public.text, encoding="ascii")
    draft.chmod(0o644)
    draft.replace(path)


def _new_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _not_a_key(where: str, half: str) -> BadInput:
    return BadInput(
        f"{where} holds no Ed25519 {half} key in PEM form", mend="`soma keys new NAME` makes a pair"
    )

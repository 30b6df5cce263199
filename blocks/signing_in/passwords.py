"""Passwords: kept as argon2id hashes, and checked at the same cost whether the user exists or not."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from blocks.errors import BadInput

SHORTEST = 12
LONGEST = 256
"""Characters."""
FEWEST_DIFFERENT = 5
_HASHER = PasswordHasher()  # RFC 9106's choice for 64 MiB of memory
_POOL = ThreadPoolExecutor(2, "soma-passwords")
"""So many hashes at once take 128 MiB; who comes meanwhile waits."""
T = TypeVar("T")


def check_password(password: str, user: str) -> None:
    """Raise `BadInput` unless the password is fit to be one; what it is, is never said."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput(f"a password has {SHORTEST} to {LONGEST} characters", mend="choose another one")
    if len(set(password)) < FEWEST_DIFFERENT or user in password.lower():
        raise BadInput(
            f"a password has {FEWEST_DIFFERENT} different characters or more, and not the user's name in it",
            mend="choose another one",
        )


def one_time_password() -> str:
    """A password that a person can read out: 80 random bits in four groups."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


async def hashed(password: str) -> str:
    """The argon2id hash of a password, with its own salt and costs in it."""
    return await _apart(lambda: _HASHER.hash(password))


async def fits(password: str, kept: str | None) -> bool:
    """Whether the password is the one that was kept; None is nobody's, at the same cost."""
    return await _apart(lambda: _fits(password, kept))


def _fits(password: str, kept: str | None) -> bool:
    nobodys = _nobodys()
    try:
        _HASHER.verify(kept or nobodys, password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_hex(16))


async def _apart(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)

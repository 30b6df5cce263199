"""Globs on names, in which `*` stands for any characters."""

import fnmatch
from functools import lru_cache

LONGEST_REMEMBERED = 200
"""Characters of a text whose answer is kept for the next time."""


def like(text: str, pattern: str) -> bool:
    """Whether the whole text fits the glob; case matters."""
    if len(text) > LONGEST_REMEMBERED:
        return fnmatch.fnmatchcase(text, pattern)
    return _remembered(text, pattern)


@lru_cache(maxsize=4096)
def _remembered(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern)

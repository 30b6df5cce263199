"""Globs on names, in which `*` stands for any characters."""

import fnmatch
from functools import lru_cache


@lru_cache(maxsize=4096)
def like(text: str, pattern: str) -> bool:
    """Whether the whole text fits the glob; case matters."""
    return fnmatch.fnmatchcase(text, pattern)

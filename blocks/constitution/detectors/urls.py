"""Addresses that lead to hosts which are not on a list."""

import fnmatch
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import ada_url

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, shortened

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:[\\/]{1,4}[^\s<>\"']+")


def urls_outside(value: Any, globs: Sequence[str]) -> bool:
    """Whether a URL of the value leads to a host that fits none of the globs."""
    return any_in(value, partial(_search, globs=globs))


def findings(value: Any, globs: Sequence[str]) -> list[Finding]:
    """The URLs that lead outside, and where they stand."""
    return found_in(value, partial(_search, globs=globs), show=shortened)


def _search(text: Text, globs: Sequence[str]) -> Iterator[Hit]:
    for match in _URL.finditer(text.text):
        try:
            host = ada_url.URL(match.group()).hostname
        except ValueError:
            host = ""
        if not any(fnmatch.fnmatchcase(host, glob) for glob in globs):
            yield Hit(kind="url", start=match.start(), end=match.end())

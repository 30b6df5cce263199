"""Licences: of the project by its own words, of its dependencies by whoever is known to say so."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing

from capsules.library.dependencies.packages import Ecosystem, Locked

COPYLEFT = re.compile(r"^A?GPL-[23]\.0|^SSPL|^EUPL|^OSL")
PERMISSIVE = re.compile(r"^(?:Apache-2\.0|MIT|BSD-\d|0BSD|ISC|Zlib|Unlicense|CC0|PSF|BSL-1)")
_LONGEST = 200
_NAMES = {
    "apache software license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache": "Apache-2.0",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mit license (mit)": "MIT",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "isc license": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "psf": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0-only",
    "gnu affero general public license v3 or later (agplv3+)": "AGPL-3.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.0-or-later",
    "gpl-3.0": "GPL-3.0-only",
    "gpl-2.0": "GPL-2.0-only",
    "agpl-3.0": "AGPL-3.0-only",
    "lgpl-3.0": "LGPL-3.0-only",
    "lgpl-2.1": "LGPL-2.1-only",
}
LOCK = "lock file"
INSTALLED = "metadata of the same version as installed beside the hub"


@dataclass(frozen=True, kw_only=True)
class Licence:
    """What is known of a package's licence, and from where."""

    name: str
    """An SPDX expression where it could be read as one, else the words that were found."""
    source: str

    @property
    def spdx(self) -> bool:
        return as_spdx(self.name) == self.name


def licence_of(package: Locked, ecosystem: Ecosystem) -> Licence | None:
    """The licence of a locked package; None when nobody here knows it."""
    if package.licence:
        return Licence(name=readable(package.licence), source=LOCK)
    if ecosystem != "pypi":
        return None
    name = _installed(package.name, package.version)
    return Licence(name=name, source=INSTALLED) if name else None


def readable(text: str) -> str:
    """The SPDX expression that a text stands for, or the text itself, shortened."""
    plain = " ".join(text.split())[:_LONGEST]
    return as_spdx(plain) or _NAMES.get(plain.lower(), plain)


@cache
def as_spdx(text: str) -> str | None:
    """The expression in the SPDX spelling, None when it is none."""
    if len(text) > _LONGEST or text.count("(") > 10:  # no real expression nests so deep
        return None
    try:
        parsed = _licensing().parse(text, validate=True, strict=True)
    except (ExpressionError, ValueError, AttributeError, TypeError, RecursionError):
        return None
    return str(parsed) if parsed is not None else None


@cache
def _licensing() -> Any:
    return get_spdx_licensing()


def alternatives(expression: str) -> list[str]:
    """The licences of which a user may choose one."""
    return [part.strip(" ()") for part in re.split(r"\bOR\b|/", expression)]


def needs_a_look(own: str, dependency: str) -> bool:
    """Whether every choice that the dependency leaves is strong copyleft, and the project is permissive."""
    return bool(PERMISSIVE.match(own)) and all(COPYLEFT.match(part) for part in alternatives(dependency))


@cache
def _installed(name: str, version: str) -> str | None:
    try:
        found: Distribution = distribution(name)
    except (PackageNotFoundError, ValueError):
        return None
    if found.version != version:
        return None
    metadata: Any = found.metadata
    expression = metadata.get("License-Expression")
    classifiers = [each for each in metadata.get_all("Classifier") or [] if each.startswith("License :: ")]
    named = [_NAMES.get(last.lower(), last) for last in (each.rpartition(" :: ")[2] for each in classifiers)]
    short = metadata.get("License") or ""
    if expression:
        return readable(str(expression))
    if short and "\n" not in short and as_spdx(readable(short)):
        return readable(short)
    return " / ".join(sorted(set(named))) or (readable(short) if short and "\n" not in short else None)

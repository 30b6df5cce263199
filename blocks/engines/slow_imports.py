"""Keeps Prefect's processes from loading what the hub never uses and what takes seconds to load."""

import sys

SLOW = ("rfc3987_syntax",)
"""Builds a parser for IRIs at import, 1 to 2 seconds; jsonschema goes without when it is missing."""


def skip_slow_imports() -> None:
    """Make the slow optional modules look missing; call it before Prefect is imported."""
    for name in SLOW:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None is how Python blocks an import

"""Files that by their name alone should not be in a repository."""

import re

from capsules.library.security.weakness import Weakness
from capsules.repository.analysis import Severity
from capsules.repository.places import Place, place_of

_KEYS = "Take it out, make a new one and revoke this one: it stays in the history and in every clone."
_NAMES: tuple[tuple[str, Severity, str, str], ...] = (
    ("private-key", "high", "private SSH key by its name", r"id_(?:rsa|dsa|ecdsa|ed25519)"),
    ("keystore", "high", "key store", r".+\.(?:p12|pfx|jks|keystore|kdbx|ppk|keytab)"),
    ("state", "high", "Terraform state, which holds secrets in clear", r".+\.tfstate(?:\.backup)?"),
    (
        "environment",
        "medium",
        "environment file",
        r"\.env(?:\.(?!.*(?:example|sample|template|dist|tpl))[\w.-]+)?",
    ),
    (
        "credentials",
        "medium",
        "file of credentials",
        r"\.(?:netrc|pgpass|htpasswd|s3cfg|git-credentials|boto)",
    ),
    ("dump", "low", "database dump", r".+\.(?:sql\.gz|dump|sqlite3?|rdb)"),
    ("shell-history", "medium", "history of a shell", r"\.(?:bash|zsh|mysql|psql|python|node_repl)_history"),
)
_PATTERNS = [(rule, severity, name, re.compile(pattern)) for rule, severity, name, pattern in _NAMES]
_ASSIGNS = re.compile(r"^\s*(?:export\s+)?\w+\s*=\s*[^\s#]", re.MULTILINE)


def by_name(path: str) -> tuple[str, Severity, str] | None:
    """The rule that a name breaks, its severity and what the file is."""
    name = path.rpartition("/")[2].lower()
    for rule, severity, what, pattern in _PATTERNS:
        if pattern.fullmatch(name):
            return rule, severity, what
    return None


def examine_name(path: str, content: bytes) -> list[Weakness]:
    """The weakness of a file that is there at all; an environment file without a value is none."""
    found = by_name(path)
    empty = found is not None and found[0] == "environment" and not _assigns(content)
    if found is None or empty or not content.strip():
        return []
    rule, severity, what = found
    place: Place = place_of(path)
    return [
        Weakness(
            rule=f"committed-{rule}",
            name=f"committed {what}",
            severity=severity,
            path=path,
            place=place,
            line=1,
            content=rule,
            detail="Known by its name; what is in it was not judged here",
            advice=_KEYS
            if severity == "high"
            else "Take it out of the repository and name it in .gitignore.",
        )
    ]


def _assigns(content: bytes) -> bool:
    return bool(_ASSIGNS.search(content[:100_000].decode("utf-8", "replace")))

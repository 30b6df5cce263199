"""Addresses that lead to hosts which are not on a list, read as browsers read them."""

import fnmatch
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote

import ada_url
from linkify_it.tlds import TLDS

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, shortened

LONGEST = 512
"""Characters of one address that are read; a host that begins later counts as outside."""
_TOP = frozenset(map(str.lower, TLDS)) | {
    "example",
    "test",
    "invalid",
    "localhost",
    "local",
    "internal",
    "onion",
}
_FILES = frozenset(
    {"py", "md", "rs", "sh", "js", "ts", "pl", "so", "zip", "mov", "app", "java", "cc", "ps", "ai"}
)
"""Top-level domains that are endings of files far more often."""
_BROWSED = frozenset({"http", "https", "ws", "wss", "ftp"})
_URL_NAME = re.compile(
    r"(?i)(?:^|[_-])(?:url|uri|href|link|host|hostname|domain|endpoint|server|site|webhook)s?$"
)

_BEGIN = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{1,30}):")
_REST = re.compile(rf"[^\s<>\"'`|]{{1,{LONGEST}}}")
_CODE = re.compile(
    r"(?i)(?<![\w-])(?:(?:javascript|vbscript):[^\s,;]|data:(?:[\w.+-]{1,60}/[\w.+-]{1,60})?[;,][^\s]"
    r"|file:[/\\]|blob:h)"
)
_RELATIVE = re.compile(
    r"(?<![:\w/\\.])[/\\]{2}((?:[^\s/\\<>\"'`|@?#]{0,200}@)?(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24})(?![\w(.])"
)
_BARE = re.compile(
    r"(?<![\w/\\.@:-])(?:www\.(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}"
    r"|(?:[\w-]{1,63}\.){1,8}([^\W\d_]{2,24})(?=[/?#]\w|/\s|/$))"
)
_AFTER_AT = re.compile(
    r"(?:mailto:[^\s@]{1,64}@((?:[\w-]{1,63}\.){1,8}[\w-]{2,24})"
    r"|\b[\w.-]{1,64}@((?:[\w-]{1,63}\.){1,8}[a-z]{2,24}):(?=[\w~/]))"
)
_ENDING = ".,;:!?)]}*_"


def urls_outside(value: Any, globs: Sequence[str]) -> bool:
    """Whether an address in the value leads to a host that fits none of the globs.

    A host is compared after it was normalised by the rules of the WHATWG; an address that cannot be read, and
    one that runs code or opens a file (`javascript:`, `data:`, `file:`), counts as outside.
    """
    return any_in(value, partial(_search, globs=tuple(globs)))


def findings(value: Any, globs: Sequence[str]) -> list[Finding]:
    """The addresses that lead outside, and where they stand."""
    return found_in(value, partial(_search, globs=tuple(globs)), show=shortened)


def _search(text: Text, globs: tuple[str, ...]) -> Iterator[Hit]:
    whole = text.text
    if not any(sign in whole for sign in ".:\\"):
        return
    for form in _forms(text):
        for start, end, kind, hosts in _addresses(form):
            if not all(_fits(host, globs) for host in hosts):
                is_original = form == whole
                yield Hit(
                    kind=kind, start=start if is_original else 0, end=end if is_original else len(whole)
                )


def _forms(text: Text) -> Iterator[str]:
    """The text as it stands, and as a program would read it that takes escapes or line ends away."""
    whole = text.text
    joined = re.sub(r"[\x00-\x20]", "", whole) if len(whole) <= LONGEST else whole
    if joined != whole and _BEGIN.match(joined) and joined.count("//") < 2 and " " not in whole.strip():
        yield joined
        return
    if _URL_NAME.search(text.name) and len(whole) <= LONGEST and not re.search(r"[\s:/\\]", whole):
        yield f"//{whole}"
        return
    yield whole
    if "\\/" in whole:
        yield whole.replace("\\/", "/")
    lowered = whole.lower()
    if "%3a" in lowered and "%2f" in lowered:
        yield unquote(whole)


def _addresses(text: str) -> Iterator[tuple[int, int, str, list[str]]]:
    """Start, end, kind and the hosts that programs may take each address for; an empty host fits nothing."""
    for match in _CODE.finditer(text):
        yield match.start(), min(match.end() + 40, len(text)), "code-or-file", [""]
    for match in _BEGIN.finditer(text) if ":" in text else ():
        rest = _REST.match(text, match.end())
        if rest and (hosts := _hosts(match.group(1).lower(), rest.group().rstrip(_ENDING))):
            yield match.start(), rest.end(), "url", hosts
    for match in _RELATIVE.finditer(text):
        yield match.start(), match.end(), "url-without-scheme", [_host(f"https://{match.group(1)}")]
    for match in _BARE.finditer(text):
        top = (match.group(1) or "com").lower()
        if top in _TOP and top not in _FILES:
            host = match.group().removeprefix("www.") if not match.group(1) else match.group()
            yield match.start(), match.end(), "bare-domain", [_host(f"https://{host}")]
    for match in _AFTER_AT.finditer(text) if "@" in text else ():
        yield match.start(), match.end(), "address", [_host(f"https://{match.group(1) or match.group(2)}")]


def _hosts(scheme: str, rest: str) -> list[str]:
    slashed = re.match(r"[/\\]*", rest)
    slashes = slashed.group() if slashed else ""
    beyond = rest[len(slashes) :]
    if not beyond or (scheme not in _BROWSED and len(slashes) < 2):
        return []
    if scheme in _BROWSED and not slashes and not re.match(r"[\w-]+\.", beyond):
        return []
    if len(rest) >= LONGEST // 2 and not re.search(r"[/\\?#]", beyond):
        return [""]
    hosts = [_host(f"{scheme if scheme in _BROWSED else 'https'}://{beyond}")]
    if "\\" in beyond:
        authority = re.split(r"[/?#]", beyond, maxsplit=1)[0]
        hosts.append(_host(f"https://{authority.rpartition('@')[2]}"))
    return hosts


@lru_cache(maxsize=4096)
def _host(url: str) -> str:
    try:
        return str(ada_url.URL(url).hostname).rstrip(".").lower()
    except ValueError:
        return ""


def _fits(host: str, globs: tuple[str, ...]) -> bool:
    return bool(host) and any(fnmatch.fnmatchcase(host, glob.lower().rstrip(".")) for glob in globs)

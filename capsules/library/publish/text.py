"""Text from a repository, made safe and short enough to show."""

import re
import unicodedata
from collections.abc import Iterable

from markupsafe import Markup, escape

_INLINE = re.compile(r"[\\`*_\[\]|~@$]|:(?=/)|(?<=www)\.", re.IGNORECASE)
_AT_START = re.compile(r"^(?:(\d{1,9})([.)])|([#+=-]))")
_URL = re.compile(r"https?://[^\s<>\"'`\\{}|^\[\]]+\Z")
_CODE = re.compile(r"(`{1,2})([^`<>]{1,200})\1")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")


def visible(text: object) -> str:
    """The text with control, direction-changing and unassigned characters written out as escapes."""
    return "".join(_shown(character) for character in str(text))


def prose(text: object, limit: int = 600) -> str:
    """The text on one line, cut at a word after `limit` characters."""
    line = visible(" ".join(str(text).split()))
    if len(line) <= limit:
        return line
    cut = line[:limit]
    return (cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut).rstrip(" ,;:") + " …"


def short_path(path: str, limit: int = 60) -> str:
    """The path with its beginning left out where it is too long: its end tells more."""
    shown = visible(path)
    return shown if len(shown) <= limit else "…" + shown[-(limit - 1) :]


def escape_markdown(text: object) -> Markup:
    """The text so that Markdown shows exactly it, on one line: no markup, no HTML, no automatic link."""
    line = visible(" ".join(str(text).split())).replace("&", "&amp;")
    escaped = _AT_START.sub(r"\1\\\2\3", _INLINE.sub(r"\\\g<0>", line))
    return Markup(escaped.replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704  # everything that Markdown acts on is escaped above


def rich(text: object, limit: int = 600) -> Markup:
    """The text as `prose` gives it, with what stands between backticks set as code."""
    escaped = str(escape(prose(text, limit)))
    return Markup(_CODE.sub(r"<code>\2</code>", escaped))  # noqa: S704  # escaped in the line above


def web_links(links: Iterable[str]) -> list[str]:
    """Those that are plain http or https addresses; others are never made clickable."""
    return [link for link in links if _URL.match(link)]


def number(value: float | str | None) -> str:
    """Figures as people write them; text stays text."""
    if value is None:
        return "–"
    if isinstance(value, (bool, str)):
        return prose(value, 200)
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"


def plural(amount: int, word: str, words: str = "") -> str:
    return f"{amount:,} {word if amount == 1 else words or word + 's'}"


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN or character in _JOINERS:
        return character
    code = ord(character)
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(
        character,
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}",
    )

"""Values of any shape, such as what an approval is about, as HTML that people can read."""

from collections.abc import Mapping, Sequence
from typing import Any

from ui.wizard.words import e, lines

DEEPEST = 6
MOST_ITEMS = 30
LONGEST = 3000
MOST_COLUMNS = 10


def shown(value: Any, *, depth: int = 0) -> str:
    """The value as HTML; what is too deep, too long or too many is cut and says so."""
    if isinstance(value, Mapping):
        return _map(value, depth) if value else _faint("nothing")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list(value, depth) if value else _faint("none")
    return _plain(value)


def _plain(value: Any) -> str:
    if value is None:
        return _faint("none")
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    rest = f" {_faint(f'… {len(text) - LONGEST:,} characters more')}" if len(text) > LONGEST else ""
    inner = lines(text[:LONGEST])
    return f'<span class="text">{inner}</span>{rest}' if inner else _faint("empty")


def _map(value: Mapping[str, Any], depth: int) -> str:
    if depth >= DEEPEST:
        return _faint(f"{len(value)} more inside")
    first = sorted(value.items(), key=lambda pair: isinstance(pair[1], Mapping | list | tuple))
    rows = [
        f"<dt>{e(_words(name))}</dt><dd>{shown(item, depth=depth + 1)}</dd>"
        for name, item in first[:MOST_ITEMS]
    ]
    return f'<dl class="shown">{"".join(rows)}</dl>{_more(value)}'


def _list(value: Sequence[Any], depth: int) -> str:
    if depth >= DEEPEST:
        return _faint(f"{len(value)} more inside")
    if (columns := _columns(value)) is not None:
        return _table(value, columns, depth)
    items = "".join(f"<li>{shown(item, depth=depth + 1)}</li>" for item in value[:MOST_ITEMS])
    return f'<ul class="shown">{items}</ul>{_more(value)}'


def _columns(value: Sequence[Any]) -> list[str] | None:
    """The columns of a list of maps that have the same few keys, but for those in which nothing stands."""
    if len(value) < 2 or not all(isinstance(item, Mapping) for item in value):
        return None
    names = list(value[0])
    alike = all(list(item) == names for item in value[:MOST_ITEMS])
    if not alike or not 0 < len(names) <= MOST_COLUMNS:
        return None
    return [name for name in names if any(item[name] not in (None, "", [], {}) for item in value)]


def _table(value: Sequence[Mapping[str, Any]], columns: list[str], depth: int) -> str:
    head = "".join(f"<th>{e(_words(name))}</th>" for name in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{shown(item[name], depth=depth + 1)}</td>" for name in columns) + "</tr>"
        for item in value[:MOST_ITEMS]
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide">{table}</div>{_more(value)}'


def _more(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return _faint(f"and {len(value) - MOST_ITEMS} more") if len(value) > MOST_ITEMS else ""


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def _faint(text: str) -> str:
    return f'<span class="faint">{e(text)}</span>'

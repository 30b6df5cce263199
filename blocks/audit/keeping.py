"""Which facts of a decision are kept in the audit log, and how they are read back.

Facts are frozen as JSON text when the decision is made, which is quick; what may be kept is sorted out
later, in the log's own thread. A value that may not be kept leaves its SHA-256 and length behind.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from blocks.audit.canonical import canonical_of_plain
from blocks.constitution.decisions import Action
from blocks.constitution.detectors.secrets import has_secret
from blocks.constitution.withheld import KEY, Withheld, restore
from blocks.plain import plain

WITHHELD_CLASSES = frozenset({"personal", "confidential", "secret"})
"""Data classes whose values are never kept."""
LONGEST_KEPT = 2_000
"""Characters of one text."""
MOST_KEPT = 16_000
"""Characters of all facts of one decision, as canonical JSON."""
SHORTEST_WITHHELD = 4
"""A withheld text shorter than this is not looked for in other facts: it would be found everywhere."""
SMALL_PART = 200
"""Parts shorter than this are not withheld for room."""

_freeze = json.JSONEncoder(default=plain, check_circular=False, separators=(",", ":")).encode


def frozen(value: Any) -> str:
    """The value as JSON text that no later change of the value reaches."""
    try:
        return _freeze(value)
    except (TypeError, ValueError, RecursionError):  # keys that are no texts, circles
        return json.dumps(plain(value))


def thawed(text: str) -> Any:
    """The plain value of a frozen one."""
    return plain(json.loads(text))


def facts_of(action: Action) -> dict[str, Any]:
    """The facts that are worth keeping: all but history, and data only if it was worked out.

    Data that declares classes which may not be kept is worked out now, while the values are there.
    """
    facts = dict(action.facts)
    facts.pop("history", None)
    data = facts.get("data")
    if data is not None and not getattr(data, "computed", True) and not _declares(data):
        del facts["data"]
    return facts


def _declares(data: Any) -> bool:
    return not WITHHELD_CLASSES.isdisjoint(getattr(data, "trail_labels", ()))


def kept_facts(action: Action) -> dict[str, Any]:
    """The action's facts as they are kept: without data classes, secrets and what is too large."""
    return keep(thawed(frozen(facts_of(action))))[0]


def keep(facts: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The same for facts that are plain already, and the texts that nothing else may quote, longest first."""
    hidden = {text for text in _classified(facts) if len(text) >= SHORTEST_WITHHELD}
    kept: dict[str, Any] = _kept(facts, hidden)
    _hide_places(kept, facts)
    return _fitted(kept), sorted(hidden, key=len, reverse=True)


def withheld(value: Any) -> dict[str, Any]:
    """What is left of a plain value that is not kept."""
    written = canonical_of_plain(value).encode()
    return Withheld(hashlib.sha256(written).hexdigest(), len(written)).as_json()


def action_of(record: Mapping[str, Any]) -> tuple[Action, dict[str, Any]]:
    """The action that a decision's record is about, and the answers that its conditions were given."""
    facts: dict[str, Any] = restore(record.get("facts") or {})
    if isinstance(facts.get("time"), str):
        facts["time"] = datetime.fromisoformat(facts["time"])
    action = Action(stage=record["stage"], name=record["action"], facts=facts)
    return action, dict(record.get("answers") or {})


def _kept(value: Any, hidden: set[str], name: str = "") -> Any:
    """The value with marks for what is not kept; what is a secret joins `hidden`."""
    if isinstance(value, str):
        if len(value) <= LONGEST_KEPT and _is_secret(name, value):
            hidden.add(value)
        return withheld(value) if len(value) > LONGEST_KEPT or value in hidden else value
    if isinstance(value, dict):
        if KEY in value:  # would be read back as something withheld
            return withheld(value)
        return {key: _kept(inner, hidden, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_kept(inner, hidden, name) for inner in value]
    return value


_harmless: set[tuple[str, str]] = set()
"""Names and texts that were looked at and are no secrets: most facts are those of the decision before."""
MOST_REMEMBERED = 4096


def _is_secret(name: str, text: str) -> bool:
    if len(text) < SHORTEST_WITHHELD or (name, text) in _harmless:
        return False
    if has_secret({name: text}):
        return True
    if len(_harmless) >= MOST_REMEMBERED:
        _harmless.clear()
    _harmless.add((name, text))
    return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _classified(facts: Mapping[str, Any]) -> Iterator[str]:
    """The texts at the places that carry a data class which may not be kept."""
    for path in _classified_places(facts):
        for arguments in _argument_maps(facts):
            yield from _texts(_at(arguments, path))


def _classified_places(facts: Mapping[str, Any]) -> list[list[str]]:
    data = facts.get("data")
    labels = data.get("arguments") if isinstance(data, dict) else None
    if not isinstance(labels, dict):
        return []
    return [path.split(".") for path, said in labels.items() if not WITHHELD_CLASSES.isdisjoint(said)]


def _argument_maps(facts: Mapping[str, Any]) -> Iterator[Any]:
    for owner in ("task", "tool"):
        part = facts.get(owner)
        if isinstance(part, dict) and isinstance(part.get("arguments"), dict):
            yield part["arguments"]


def _at(value: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _hide_places(kept: dict[str, Any], facts: Mapping[str, Any]) -> None:
    """Numbers and short texts of withheld classes, which are not looked for by value."""
    for *way, last in _classified_places(facts):
        for before, after in zip(_argument_maps(facts), _argument_maps(kept), strict=True):
            holder, original = _at(after, way), _at(before, [*way, last])
            place: Any = int(last) if isinstance(holder, list) and last.isdecimal() else last
            if original is not None and isinstance(holder, dict | list):
                holder[place] = withheld(original)


def _fitted(kept: dict[str, Any]) -> dict[str, Any]:
    """The facts with the largest parts withheld until all fit."""
    size = len(canonical_of_plain(kept))
    while size > MOST_KEPT:
        parts = sorted(_parts(kept), key=itemgetter(0), reverse=True)
        if not parts:
            break
        for length, holder, key in parts:
            holder[key] = withheld(holder[key])
            size += len(canonical_of_plain(holder[key])) - length
            if size <= MOST_KEPT:
                break
    return kept


def _parts(value: Any) -> Iterator[tuple[int, Any, Any]]:
    """What could be withheld, innermost first: long leaves, and long lists and maps of short members."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        length = len(canonical_of_plain(inner))
        if length < SMALL_PART:
            continue
        deeper = list(_parts(inner)) if isinstance(inner, dict | list) else []
        yield from deeper or [(length, value, key)]

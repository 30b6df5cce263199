"""An action as somebody describes it, to ask what a constitution would say to it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, get_args

from blocks.constitution.checker import closest
from blocks.constitution.decisions import Action, Verdict
from blocks.constitution.examples import completed
from blocks.constitution.stages import STAGES, variables
from blocks.constitution.types import HISTORY, PYTHON, TIMESTAMP, Type
from blocks.errors import BadInput

LONGEST_ACTION = 200
MOST_PROBLEMS = 20
MOST_HISTORY = 1000
VERDICTS = dict.fromkeys(get_args(Verdict))
_PAST: Mapping[str, tuple[type, ...]] = {
    "stage": (str,),
    "action": (str,),
    "verdict": (str,),
    "ago_seconds": (int, float),
    "labels": (list,),
}


def described(stage: str, name: str, facts: Mapping[str, Any]) -> Action:
    """The action with these facts, and with the documented background where they say nothing.

    Raises `BadInput` with every unknown stage, every field that the stage does not have and every value of
    another type than the stage's; a mistyped fact would otherwise look like one that is not given.
    """
    if stage not in STAGES:
        raise BadInput(f"there is no stage {stage!r}{closest(stage, dict.fromkeys(STAGES))}")
    if not 0 < len(name) <= LONGEST_ACTION:
        raise BadInput(f"an action's name has 1 to {LONGEST_ACTION} characters, this has {len(name)}")
    kind = Type("record", fields=tuple(variables(stage).items()))
    problems = list(_problems(facts, kind, ""))[:MOST_PROBLEMS]
    if problems:
        raise BadInput(f"facts of {stage}: {'; '.join(problems)}", problems=problems)
    return completed(stage, name, {key: _read(value, dict(kind.fields)[key]) for key, value in facts.items()})


def _read(value: Any, kind: Type) -> Any:
    return datetime.fromisoformat(value) if kind == TIMESTAMP and isinstance(value, str) else value


def _problems(value: Any, kind: Type, path: str) -> Iterator[str]:
    if kind.is_record:
        yield from _of_record(value, kind, path)
    elif kind == HISTORY:
        yield from _of_history(value)
    elif kind == TIMESTAMP:
        yield from _of_time(value, path)
    elif kind.name in {"list", "map"}:
        yield from _of_container(value, kind, path)
    elif kind in PYTHON and not _is(value, PYTHON[kind]):
        yield f"{path} must be {kind}, not {_shown(value)}"


def _of_record(value: Any, kind: Type, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path} has fields, {_shown(value)} has none"
        return
    fields = dict(kind.fields)
    for name, inner in value.items():
        place = f"{path}.{name}" if path else str(name)
        if name in fields:
            yield from _problems(inner, fields[name], place)
        else:
            yield f"there is no field {place!r}{closest(str(name), fields)}"


def _of_container(value: Any, kind: Type, path: str) -> Iterator[str]:
    if kind.name == "map" and isinstance(value, Mapping):
        pairs: list[tuple[Any, Any]] = list(value.items())
    elif kind.name == "list" and isinstance(value, list | tuple):
        pairs = list(enumerate(value))
    else:
        yield f"{path} must be {kind}, not {_shown(value)}"
        return
    for key, inner in pairs:
        yield from _problems(inner, kind.inner[-1], f"{path}.{key}")


def _of_time(value: Any, path: str) -> Iterator[str]:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        yield f"{path} is a moment with its zone, such as '2030-01-31T09:00:00+00:00', not {_shown(value)}"


def _of_history(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or len(value) > MOST_HISTORY:
        yield f"history is a list of at most {MOST_HISTORY} earlier actions"
        return
    for number, item in enumerate(value):
        wrong = _wrong_past(item)
        if wrong:
            yield f"history[{number}]: {wrong}"


def _wrong_past(item: Any) -> str | None:
    if not isinstance(item, Mapping) or not {"stage", "action"} <= item.keys():
        return "write {stage, action, verdict, ago_seconds, labels}, of which the last three may be left out"
    for name, value in item.items():
        if name not in _PAST:
            return f"there is no field {name!r}{closest(str(name), _PAST)}"
        if not _is(value, _PAST[name]):
            return f"{name} cannot be {_shown(value)}"
    if item["stage"] not in STAGES:
        return f"there is no stage {item['stage']!r}{closest(item['stage'], dict.fromkeys(STAGES))}"
    if item.get("verdict", "allow") not in VERDICTS:
        return f"there is no verdict {item['verdict']!r}{closest(item['verdict'], VERDICTS)}"
    return None if all(isinstance(label, str) for label in item.get("labels", [])) else "labels are texts"


def _is(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)


def _shown(value: Any) -> str:
    return f"a {type(value).__name__}" if isinstance(value, Mapping | list) else repr(value)[:60]

from collections.abc import Mapping

from capsules.library.synthesis.result import Comparison, FindingLine
from capsules.library.synthesis.snapshot import History, Snapshot
from capsules.repository.analysis import SEVERITIES

MOST_LINES = 20


def compare(history: History, now: Snapshot, titles: Mapping[str, str]) -> Comparison:
    """What changed between the last audit that the history knows and this one."""
    last = history.latest
    if last is None:
        note = "This is the first audit of this repository; the next one will say what changed."
        return Comparison(status="first", note=note)
    comparable = comparable_areas(last, now)
    new = _only_in(now, last, comparable)
    resolved = _only_in(last, now, comparable)
    kept = sum(line.capsule in comparable for line in now.findings) - len(new)
    return Comparison(
        status="compared",
        note="",
        at=last.at,
        commit=last.commit,
        score=last.score,
        change=_change(last.score, now.score) if _scored(last) == _scored(now) else None,
        areas=_area_changes(last, now),
        new=new[:MOST_LINES],
        new_total=len(new),
        resolved=resolved[:MOST_LINES],
        resolved_total=len(resolved),
        unchanged_total=kept,
        caveats=_caveats(last, now, comparable, titles),
        trend=history.with_audit(now).trend,
    )


def comparable_areas(last: Snapshot, now: Snapshot) -> frozenset[str]:
    """The areas whose findings are known in full both times; elsewhere a missing one proves nothing."""
    return frozenset(
        name
        for name, area in now.areas.items()
        if area.complete and name in last.areas and last.areas[name].complete
    )


def _only_in(one: Snapshot, other: Snapshot, comparable: frozenset[str]) -> list[FindingLine]:
    known = {(line.capsule, line.id) for line in other.findings}
    lines = [
        line for line in one.findings if line.capsule in comparable and (line.capsule, line.id) not in known
    ]
    return sorted(lines, key=lambda line: (SEVERITIES.index(line.severity), line.path or "", line.id))


def _scored(snapshot: Snapshot) -> set[str]:
    """Overall scores that stand for different areas must not be subtracted from each other."""
    return {name for name, area in snapshot.areas.items() if area.score is not None}


def _area_changes(last: Snapshot, now: Snapshot) -> dict[str, int]:
    changes = {
        name: _change(last.areas[name].score, area.score)
        for name, area in now.areas.items()
        if name in last.areas
    }
    return {name: change for name, change in changes.items() if change is not None}


def _change(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _caveats(
    last: Snapshot, now: Snapshot, comparable: frozenset[str], titles: Mapping[str, str]
) -> list[str]:
    named = {name: titles.get(name, name) for name in sorted({*last.areas, *now.areas})}
    caveats = [
        f"{title} was not examined {when}, so its findings are not compared."
        for name, title in named.items()
        for snapshot, when in ((last, "last time"), (now, "this time"))
        if name not in snapshot.areas
    ]
    caveats += [
        f"{named[name]} has more findings than are kept, so they are not compared one by one."
        for name in sorted(now.areas.keys() & last.areas.keys() - comparable)
    ]
    return caveats + [
        f"{named[name]} was examined with other versions of its tools: a difference may be theirs."
        for name in sorted(now.areas.keys() & last.areas.keys())
        if now.areas[name].tools != last.areas[name].tools
    ]

"""Where a project came from that no person has asked for, and how long the chain behind it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.identity import Principal
from blocks.records.tables import Project
from blocks.records.trigger_tables import Trigger

DEEPEST = 5
"""Projects that start one another, by triggers, in a row; the next is refused."""
LABELS: Mapping[str, tuple[str, ...]] = {
    "schedule": ("event",),
    "webhook": ("event", "web_content"),
    "bus": ("event", "tool_output"),
    "project": ("event", "tool_output"),
    "memory": ("event", "other_memory"),
    "prefect": ("event", "tool_output"),
}
"""What a value of an event is to the guard: never the person's request, and from where at worst."""


def origin_of(trigger: Trigger, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a project says of the trigger that started it; `before`: the origin of the project before it."""
    chain = [*((before or {}).get("chain") or ()), trigger.id]
    return {
        "kind": "trigger",
        "trigger": trigger.id,
        "name": trigger.name,
        "by": trigger.kind,
        "chain": chain[-DEEPEST:],
        "depth": depth_of(before) + 1,
    }


def depth_of(origin: Mapping[str, Any] | None) -> int:
    """How many projects stand before and with this one in a chain of triggers; 0 for a person's own."""
    found = (origin or {}).get("depth")
    return found if isinstance(found, int) and found > 0 else 0


def too_deep(origin: Mapping[str, Any], names: Sequence[str] = ()) -> str | None:
    """Why the chain ends here, if it does."""
    if depth_of(origin) <= DEEPEST:
        return None
    shown = " -> ".join(names or origin.get("chain") or ())
    return f"{DEEPEST} projects have started one another by triggers ({shown}); a loop ends here"


def untrusted(origin: Mapping[str, Any], kind: str, names: Sequence[str]) -> dict[str, Any]:
    """The origin with the names of the inputs that came from the event, and what they are to the guard."""
    return {**origin, "untrusted": list(names), "labels": list(LABELS[kind])} if names else dict(origin)


def principal_of(project: Project) -> Principal | None:
    """The trigger that started the project, acting for whoever made it; None for any other project."""
    origin = project.origin or {}
    if origin.get("kind") != "trigger":
        return None
    return Principal(
        tenant=project.tenant,
        name=f"trigger:{origin.get('name')}",
        kind="service",
        on_behalf_of=project.requested_by,
    )

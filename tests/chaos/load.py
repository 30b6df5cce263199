"""The mixed load: kinds of projects, and how each of them is to end whatever is killed meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from capsules.plan import Plan, PlanNode

TOOLS: dict[str, dict[str, Any]] = {"toy.effect": {}, "toy.danger": {}, "toy.forbidden": {}}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of project."""

    name: str
    plan: Callable[[str], Plan]
    """The plan of the project of this name, which is part of every word in it."""
    ends: str
    """The state in which it ends."""
    effects: int
    """How many different effects it has."""
    asks: int = 0
    """How many questions people are asked."""
    nodes: dict[str, str] = field(default_factory=dict)
    """Nodes that end in another state than `completed`."""


def node(name: str, project: str, capsule: str = "toy-step", **given: Any) -> PlanNode:
    document = {
        "id": name,
        "title": name,
        "capsule": capsule,
        "version": "1.0.0",
        "inputs": {"word": f"{project}/{name}", "seconds": 0.6},
        "authority": {"tools": TOOLS},
        "attempts": 3,
    }
    return PlanNode.model_validate({**document, **given})


def plan(*nodes: PlanNode, **given: Any) -> Plan:
    return Plan(blueprint="chaos", blueprint_version="1.0.0", nodes=list(nodes), **given)


def chain(project: str) -> Plan:
    """Four steps, one after another."""
    names = ["one", "two", "three", "four"]
    return plan(
        *(node(name, project, needs=names[max(0, at - 1) : at]) for at, name in enumerate(names)),
        budget={"tool_calls": 4},
    )


def fan(project: str) -> Plan:
    """Eight steps at once, then one that needs them all."""
    sides = [f"side{number}" for number in range(8)]
    return plan(*(node(side, project) for side in sides), node("last", project, needs=sides))


def apart(project: str) -> Plan:
    """Two steps in processes of their own, then one in the driver's."""
    return plan(
        node("left", project, runtime="process"),
        node("right", project, runtime="process"),
        node("last", project, needs=["left", "right"]),
    )


def asking(project: str) -> Plan:
    """A step that people are asked about before it begins."""
    return plan(
        node("first", project), node("last", project, needs=["first"], approval={"question": "May it go on?"})
    )


def danger(project: str) -> Plan:
    """A step whose tool call needs a person's consent, in a process of its own."""
    return plan(
        node("first", project), node("risky", project, "toy-danger", needs=["first"], runtime="process")
    )


def flaky(project: str) -> Plan:
    """A step that fails twice before it works."""
    return plan(node("first", project), node("odd", project, "toy-flaky", needs=["first"], attempts=10))


def forbidden(project: str) -> Plan:
    """A step that is refused."""
    return plan(
        node("first", project),
        node("never", project, "toy-forbidden", needs=["first"]),
        node("after", project, needs=["never"]),
    )


def mapped(project: str) -> Plan:
    """One step for each word of a list that another step gives."""
    return plan(
        node("list", project, "toy-list"),
        node(
            "each",
            project,
            needs=["list"],
            each={"$from": "list.words"},
            inputs={"word": {"$item": ""}, "seconds": 0.4},
        ),
    )


def undone(project: str) -> Plan:
    """Two steps and a refused one, upon which the plan has the two taken back, the latest first."""

    def back(name: str) -> dict[str, Any]:
        return {"capsule": "toy-step", "inputs": {"word": f"{project}/back-{name}", "seconds": 0.3}}

    return plan(
        node("one", project, undo=back("one")),
        node("two", project, needs=["one"], undo=back("two")),
        node("never", project, "toy-forbidden", needs=["two"]),
        on_failure="undo",
    )


KINDS = (
    Kind(name="chain", plan=chain, ends="completed", effects=4),
    Kind(name="fan", plan=fan, ends="completed", effects=9),
    Kind(name="apart", plan=apart, ends="completed", effects=3),
    Kind(name="asking", plan=asking, ends="completed", effects=2, asks=1),
    Kind(name="danger", plan=danger, ends="completed", effects=2, asks=1),
    Kind(name="flaky", plan=flaky, ends="completed", effects=1),
    Kind(
        name="forbidden",
        plan=forbidden,
        ends="denied",
        effects=1,
        nodes={"never": "denied", "after": "skipped"},
    ),
    Kind(name="undone", plan=undone, ends="denied", effects=4, nodes={"never": "denied"}),
    Kind(name="mapped", plan=mapped, ends="completed", effects=4),
)

"""The standing of a project, driven in memory and held against a small interpreter of plans."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from blocks.records.tables import FINAL_NODE_STATES, NodeRecord
from capsules.driver.standing import Standing
from capsules.plan import Plan, PlanNode

FATES = ["completed", "failed", "denied", "retried", "condition"]


@st.composite
def projects(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """A random DAG with joins of every kind, and what each node comes to if it runs."""
    count = draw(st.integers(1, 9))
    nodes, fates = [], {}
    for index in range(count):
        name = f"n{index}"
        needs = draw(st.lists(st.sampled_from([f"n{i}" for i in range(index)]), unique=True)) if index else []
        node: dict[str, Any] = {"id": name, "title": name, "capsule": "note", "version": "1.0.0"}
        node |= {"needs": needs, "priority": draw(st.integers(-2, 2))}
        if needs and draw(st.booleans()):
            node["at_least"] = draw(st.integers(1, len(needs)))
        elif needs:
            node["tolerates"] = draw(st.lists(st.sampled_from(needs), unique=True))
        if draw(st.integers(0, 3)) == 0:
            node |= {"each": list(range(draw(st.integers(0, 4)))), "may_fail": draw(st.integers(0, 1))}
            node["parallel"] = draw(st.integers(1, 2))
            for child in range(len(node["each"])):
                fates[f"{name}.{child}"] = draw(st.sampled_from(FATES[:4]))
        nodes.append(node)
        fates[name] = draw(st.sampled_from(FATES))
    shuffled = draw(st.permutations(nodes))
    return list(shuffled), fates


def interpreted(nodes: list[dict[str, Any]], fates: dict[str, str]) -> dict[str, str]:
    """What every node comes to, worked out plainly: whatever can be said of a node is said, until all is."""
    ended: dict[str, str] = {}
    for node in sorted(nodes, key=lambda node: int(node["id"][1:])):  # a node needs only earlier ones
        done = [need for need in node["needs"] if ended[need] == "completed"]
        without = [need for need in node["needs"] if need not in done]
        if "at_least" in node:
            goes = len(done) >= node["at_least"]
        else:
            goes = not set(without) - set(node.get("tolerates", []))
        ended[node["id"]] = _end_of(node, fates) if goes else "skipped"
        if goes and "each" in node and fates[node["id"]] not in {"condition", "denied"}:
            for index in range(len(node["each"])):
                name = f"{node['id']}.{index}"
                ended[name] = "completed" if fates[name] == "retried" else fates[name]
    return ended


def _end_of(node: dict[str, Any], fates: dict[str, str]) -> str:
    fate = fates[node["id"]]
    if fate == "condition":
        return "skipped"
    if "each" not in node or fate == "denied":
        return "completed" if fate == "retried" else fate
    children = [fates[f"{node['id']}.{index}"] for index in range(len(node["each"]))]
    bad = [child for child in children if child in {"failed", "denied"}]
    if len(bad) <= node["may_fail"]:
        return "completed"
    return "denied" if set(bad) == {"denied"} else "failed"


class Toy:
    """A driver over a standing, with a ledger of its own in memory."""

    def __init__(self, nodes: list[dict[str, Any]], fates: dict[str, str], room: int) -> None:
        self.fates = fates
        self.room = room
        plan = Plan.model_validate({"blueprint": "x", "blueprint_version": "1.0.0", "nodes": nodes})
        self.standing = Standing(plan, [_line(node.id, place) for place, node in enumerate(plan.nodes)])
        self.at_work: list[str] = []
        self.most: dict[str, int] = {}

    def run(self) -> None:
        """Go on until all has ended; fails if nothing can be done although something is open."""
        for _ in range(1_000):
            self._advance()
            if self.standing.ended():
                return
            assert self.at_work, "nothing is at work and not all has ended"
            self._finish(self.at_work.pop(0))
        raise AssertionError("it goes on for ever")

    def _advance(self) -> None:
        queues = self.standing.queues
        while True:
            if (blocked := queues.next_blocked()) is not None:
                self._say(blocked[0], "skipped", blocked[1])
            elif (parent := queues.next_parent()) is not None:
                self._gather(parent)
            elif (name := queues.next_ready(inline=len(self.at_work) < self.room, deployed=True)) is not None:
                self._begin(self.standing.nodes[name])
            else:
                return

    def _begin(self, node: PlanNode) -> None:
        fate = self.fates[node.id]
        if fate == "condition":
            return self._say(node.id, "skipped", "its condition does not hold")
        if node.each is not None and fate == "denied":
            return self._say(node.id, "denied")
        if node.each is not None:
            return self._expand(node)
        self.at_work.append(node.id)
        parent = self.standing.lines[node.id].parent or ""
        busy = sum(name.startswith(f"{parent}.") for name in self.at_work)
        self.most[parent] = max(self.most.get(parent, 0), busy)
        return self._say(node.id, "queued")

    def _expand(self, node: PlanNode) -> None:
        changes = {"each": None, "parallel": None, "may_fail": 0, "at_least": None, "tolerates": node.needs}
        names = [f"{node.id}.{index}" for index in range(len(node.each))]
        made = [
            _line(name, 100 + place, parent=node.id, spec=_spec(node, {**changes, "id": name}))
            for place, name in enumerate(names)
        ]
        self.standing.put(_line(node.id, self.standing.lines[node.id].position, state="expanded"), *made)

    def _finish(self, name: str) -> None:
        fate = self.fates[name]
        if fate == "retried":
            self.fates[name] = "completed"
            return self._say(name, "waiting")
        return self._say(name, fate, result={"sha256": name})

    def _gather(self, name: str) -> None:
        node, children = self.standing.nodes[name], self.standing.children(name)
        bad = [child for child in children if self.standing.state(child) in {"failed", "denied"}]
        state = "completed"
        if len(bad) > node.may_fail:
            state = "denied" if all(self.standing.state(child) == "denied" for child in bad) else "failed"
        self._say(name, state)

    def _say(self, name: str, state: str, reason: str | None = None, result: Any = None) -> None:
        old = self.standing.lines[name]
        line = _line(name, old.position, parent=old.parent, spec=old.spec, state=state)
        line.reason, line.result = reason, result if state == "completed" else None
        self.standing.put(line)


def _line(name: str, position: int, **more: Any) -> NodeRecord:
    given = {"project": "p", "title": name, "capsule": "note", "version": "1.0.0", **more}
    return NodeRecord(node=name, position=position, **given)


def _spec(node: PlanNode, changes: dict[str, Any]) -> dict[str, Any]:
    return node.model_copy(update=changes).model_dump(mode="json", exclude_defaults=True)


@given(projects(), st.integers(1, 4))
def test_every_plan_ends_and_every_node_as_the_plan_says(
    project: tuple[list[dict[str, Any]], dict[str, str]], room: int
) -> None:
    """Random plans with failures, conditions, joins, maps and retries end as the interpreter says."""
    nodes, fates = project
    expected = interpreted(nodes, fates)
    toy = Toy(nodes, dict(fates), room)
    toy.run()

    assert {name: line.state for name, line in toy.standing.lines.items()} == expected
    for node in nodes:
        assert toy.most.get(node["id"], 0) <= node.get("parallel", room)
    again = Standing(toy.standing.plan, toy.standing.lines.values())
    assert again.ended()
    assert again.verdict() == toy.standing.verdict()


@given(projects(), st.integers(1, 4), st.integers(0, 30))
def test_a_standing_read_anew_goes_on_to_the_same_end(
    project: tuple[list[dict[str, Any]], dict[str, str]], room: int, steps: int
) -> None:
    """A driver that dies anywhere and another one that reads the ledger come to what one alone would."""
    nodes, fates = project
    toy = Toy(nodes, dict(fates), room)
    for _ in range(steps):
        toy._advance()
        if toy.at_work:
            toy._finish(toy.at_work.pop(0))
    for name in toy.at_work:  # their runs died with the driver
        toy._say(name, "waiting")
    toy.at_work.clear()
    toy.standing = Standing(toy.standing.plan, toy.standing.lines.values())
    toy.run()

    assert {name: line.state for name, line in toy.standing.lines.items()} == interpreted(nodes, fates)


def test_the_cost_of_a_project_is_linear_in_its_nodes(monkeypatch: Any) -> None:
    """A join of many nodes is looked at once for each, and no change looks at all the others."""
    looks = 0
    count = Standing._consider

    def counted(self: Standing, name: str, *, asked: bool = False) -> None:
        nonlocal looks
        looks += 1
        count(self, name, asked=asked)

    monkeypatch.setattr(Standing, "_consider", counted)
    totals = []
    for size in (100, 200):
        looks = 0
        wide = [
            {"id": f"n{i}", "title": "n", "capsule": "note", "version": "1.0.0", "needs": []}
            for i in range(size)
        ]
        join = {**wide[0], "id": "join", "needs": [node["id"] for node in wide]}
        toy = Toy([*wide, join], dict.fromkeys([node["id"] for node in [*wide, join]], "completed"), room=8)
        toy.run()
        totals.append(looks)

    assert totals[1] < totals[0] * 2.1
    assert all(line.state in FINAL_NODE_STATES for line in toy.standing.lines.values())

"""A question to people as the terminal shows it: with what they need to judge it."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ui.cli.terminal import columns, cut, plain
from ui.wire import Approval

SHOWN = 5
LONGEST = 600
HEADLINE = 110
WIDEST = 120


def show_question(approval: Approval, console: Console) -> None:
    """The question, what will be done, and the digest that the answer is bound to."""
    parts: list[RenderableType] = [Text(plain(approval.question), "bold")]
    audit = audit_in(approval.details)
    for name, value in approval.details.items():
        if value is not audit and not (audit and name in audit):
            parts.append(_fact(name, value))
    if audit:
        parts.append(synthesis(audit))
    if approval.edited:
        changed = "; ".join(f"{name} = {value!r}" for name, value in approval.edited.items())
        parts.append(Text(f"with other arguments: {cut(changed, LONGEST)}", "bold magenta"))
    parts.extend(_vote(vote, approval) for vote in approval.votes)
    if approval.state == "pending" and approval.requirements:
        parts.append(Text(f"still needed: {plain('; '.join(approval.missing))}", "yellow"))
    if approval.state == "pending" and approval.offered and not approval.offered.get("masked"):
        names = ", ".join(plain(name) for name in approval.offered.get("schema", {}))
        parts.append(Text(f"may be approved with other arguments: {names}", "dim"))
    parts.append(Text(f"{approval.id} · bound to {approval.bound_to}", "dim"))
    width = min(console.width, WIDEST)
    console.print(Panel(Group(*parts), title="approval", border_style="yellow", width=width))


def _vote(vote: Mapping[str, Any], approval: Approval) -> Text:
    said = {"approve": "yes", "reject": "no", "changes": "change it"}
    word = said.get(str(vote.get("verdict")), "yes" if vote.get("approved") else "no")
    past = vote.get("digest", approval.bound_to) != approval.bound_to
    comment = f": {cut(vote['comment'], LONGEST)}" if vote.get("comment") else ""
    before = ", before the arguments were changed" if past and vote.get("approved") else ""
    return Text(f"{plain(vote.get('by', ''))} said {word}{before}{comment}", "dim")


def audit_in(details: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an audit came to, if the question is about one."""
    return next((value for value in details.values() if isinstance(value, dict) and "areas" in value), None)


def _fact(name: str, value: Any) -> Text:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, dict):
        value = "; ".join(f"{key}: {item}" for key, item in value.items()) or "none"
    return Text.assemble((f"{plain(name)}: ", "dim"), cut(value, LONGEST))


def synthesis(said: Mapping[str, Any]) -> RenderableType:
    """What an audit came to: the verdict, and what to do first."""
    actions = said.get("actions", [])
    parts: list[RenderableType] = [verdict(said)]
    if actions:
        parts.append(Text("first to do", "bold"))
    parts.extend(_action(action) for action in actions[:SHOWN])
    for capsule, reason in dict(said.get("refused") or {}).items():
        parts.append(Text(f"missing: {plain(capsule)}: {cut(reason, LONGEST)}", "yellow"))
    return Group(*parts)


def verdict(said: Mapping[str, Any]) -> RenderableType:
    """The scores of an audit and the paragraph that sums it up."""
    parts: list[RenderableType] = []
    if said.get("score") is not None:
        parts.append(Text(f"overall {said['score']} of 100, grade {plain(said.get('grade') or '-')}", "bold"))
    if said.get("summary"):
        parts.append(Text(cut(said["summary"], LONGEST)))
    return Group(*parts, _areas(said.get("areas", [])))


def _areas(areas: Iterable[Mapping[str, Any]]) -> Table:
    table = columns("title", "score", "change")
    for area in areas:
        score = area.get("score")
        change = area.get("change")
        table.add_row(
            Text(plain(area.get("title", ""))),
            Text("–" if score is None else str(score), _shade(score)),
            Text(f"{change:+d}" if isinstance(change, int) and change else "", "dim"),
            Text(cut(area.get("headline", ""), HEADLINE), "dim"),
        )
    return table


def _shade(score: object) -> str:
    if not isinstance(score, int):
        return "dim"
    return "green" if score >= 80 else "yellow" if score >= 60 else "red"  # school marks


def _action(action: Mapping[str, Any]) -> Text:
    rank, title = action.get("rank", "-"), plain(action.get("title", ""))
    where = ", ".join(plain(place) for place in action.get("places", [])[:2])
    return Text.assemble(f"{rank:>3}. ", title, (f"  {where}" if where else "", "dim"))

"""Comparisons, verdicts, replays and shadows as people read them in a terminal."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from blocks.constitution.comparing import Comparison
from blocks.constitution.tallying import CHANGES
from ui.cli.terminal import columns, cut, plain
from ui.wire_constitutions import Answered, ReplayReport, Shadowing

STYLES = {
    "allow": "green",
    "warn": "yellow",
    "redact": "yellow",
    "approve": "bold yellow",
    "deny": "bold red",
}
WORDS = {
    "refused": "newly refused",
    "asked": "newly asked of people",
    "let_through": "newly let through",
    "marked": "let through with another mark",
}
WIDEST = 100


def show_answer(answer: Answered, screen: Console) -> None:
    """The verdict, the articles that matched, and those that almost did with what made the difference."""
    title = f"{answer.constitution.name}@{answer.constitution.version}"
    heading = f" {answer.stage} {plain(answer.action)}  ({title})"
    screen.print(Text.assemble((answer.verdict, STYLES.get(answer.verdict, "")), heading))
    for item in answer.articles:
        advice = f" ({plain(item.remedy)})" if item.remedy else ""
        line = f": {plain(item.reason)}{advice}"
        screen.print(Text.assemble("  matched ", (item.article, "bold"), f" {item.verdict}", line))
        if item.terms:
            screen.print(f"          {_asked_of(item.terms)}", markup=False)
    for near in (answer.explanation or {}).get("almost", []):
        _show_near(near, screen)


def _show_near(near: Mapping[str, Any], screen: Console) -> None:
    said = f" {near['verdict']}: {plain(near['title'])}"
    screen.print(Text.assemble("  almost  ", (plain(near["article"]), "bold"), said))
    why = f" ({plain(near['problem'])})" if near["problem"] else ""
    others = f"; {near['others_held']} of {near['others']} other parts hold" if near["others"] else ""
    screen.print(f"          not so: {plain(near['clause'])}{why}{others}", markup=False)
    if near["values"]:
        values = ", ".join(f"{path} = {plain(value)}" for path, value in near["values"].items())
        screen.print(f"          with {values}", markup=False)


def _asked_of(terms: Mapping[str, Any]) -> str:
    who = " or ".join(terms["who"]) or "anybody who may answer"
    alone = "" if terms["requester"] else ", not the requester"
    minutes = terms["expires"] // 60
    within = f"{minutes / 60:g} hours" if minutes >= 60 else f"{minutes} minutes"
    return f"asked of {who}; {terms['quorum']} must agree within {within}{alone}"


def show_comparison(found: Comparison, screen: Console) -> None:
    """What differs: settings, articles, and verdicts on the examples of either."""
    if found.same:
        screen.print("the two say the same")
        return
    for name, (before, after) in found.settings.items():
        screen.print(f"~ {plain(name)}: {_value(before)} → {_value(after)}", markup=False)
    for article in found.removed:
        screen.print(Text(f"- {plain(article)}", "red"))
    for article in found.added:
        screen.print(Text(f"+ {plain(article)}", "green"))
    for article, fields in found.changed.items():
        screen.print(Text(f"~ {plain(article)}", "yellow"))
        for name, (before, after) in fields.items():
            shown = "changed" if name == "tests" else f"{_value(before)} → {_value(after)}"
            screen.print(f"    {name}: {shown}", markup=False)
    if found.moved:
        screen.print("~ the articles stand in another order, which changes no verdict")
    for item in found.decided:
        what = f"! {item.stage} {plain(item.action)} (example of {plain(item.article)}): "
        screen.print(
            Text.assemble(
                what,
                (item.one, STYLES[item.one]),
                " → ",
                (item.other, STYLES[item.other]),
                f"  {_value(item.facts)}",
            )
        )
    screen.print(f"{len(found.decided)} of {found.examples} examples are decided differently")


def show_replay(replay: ReplayReport, screen: Console) -> None:
    """What recorded history would have been."""
    report = replay.report
    title = f"{report['constitution']['name']}@{report['constitution']['version']}"
    period = f"{replay.since:%F %T} to {replay.at:%F %T}"
    screen.print(f"{replay.id}: {report['decisions']} decisions from {period}, decided again by {title}")
    _show_counts(report, screen)
    if report["by_limits"]:
        screen.print(f"  {report['by_limits']:7} refused by a node's limits, which no constitution changes")
    for item in report["undecided"]:
        line = f"  {item['count']:7} not decided again: {plain(item['missing'])} was not kept"
        screen.print(line, markup=False)
    _show_details(report, screen)


def show_shadow(shadow: Shadowing, screen: Console) -> None:
    """What the candidate in the shadow would have decided otherwise."""
    report = shadow.report
    title = f"{shadow.constitution.name}@{shadow.constitution.version} ({shadow.constitution.digest[:12]})"
    screen.print(
        f"{title} is in the shadow since {shadow.since:%F %T} ({plain(shadow.started_by)}); it blocks nothing"
    )
    screen.print(f"  {report['decisions']:7} decisions since, {report['differing']} of them different")
    _show_counts(report, screen)
    _show_details(report, screen)


def _show_counts(report: Mapping[str, Any], screen: Console) -> None:
    screen.print(f"  {report['same']:7} the same")
    for change in CHANGES:
        screen.print(f"  {report['changes'][change]:7} {WORDS[change]}")


def _show_details(report: Mapping[str, Any], screen: Console) -> None:
    for kind in ("article", "project"):
        changed = [item for item in report[f"{kind}s"] if any(item[change] for change in CHANGES)]
        if not changed:
            continue
        table = columns(kind, *CHANGES)
        table.add_row(
            *(Text(word, "dim") for word in (kind, *(change.replace("_", " ") for change in CHANGES)))
        )
        for item in changed:
            table.add_row(plain(item[kind] or "(no project)"), *(str(item[change]) for change in CHANGES))
        screen.print(table)
    for example in report["examples"]:
        was, would = example["was"], example["would"]
        screen.print(
            Text.assemble(
                (f"{example['decision']} ", "dim"),
                f"{example['stage']} {plain(example['action'])}: ",
                (was, STYLES.get(was, "")),
                " → ",
                (would, STYLES.get(would, "")),
                f"  {plain(example['article'])}: {cut(example['reason'], WIDEST)}",
            )
        )


def _value(value: Any) -> str:
    """A value of a document or of facts as JSON, on one line and not too long; a dash for none."""
    return "-" if value is None else cut(json.dumps(value, ensure_ascii=False, default=str), WIDEST)

"""Staying with a project from its launch to its end: watch, ask the person, say how it came out."""

from typing import Any

from rich.console import Console
from rich.prompt import Prompt
from rich.text import Text

from blocks.errors import Conflict
from ui.cli.live import Screen, needs_people, watch
from ui.cli.outcome import tell_outcome
from ui.cli.question import show_question
from ui.cli.terminal import plain
from ui.client import HubClient
from ui.wire import ProjectDetail

WAITS_FOR_PEOPLE = 3
"""The exit code of a command that ends while a question is open."""


def attend(client: HubClient, project: str, console: Console, *, yes: bool, hub_stays: bool = True) -> int:
    """Follow the project, have its questions answered, and return the exit code that it earned."""
    screen = Screen(console)
    while True:
        view = watch(client, project, screen, until=needs_people)
        if view.final:
            return tell_outcome(client, view, console)
        if not _answer_all(client, view, console, yes=yes):
            _tell_how_to_answer(view, console, hub_stays=hub_stays)
            return WAITS_FOR_PEOPLE


def _answer_all(client: HubClient, view: ProjectDetail, console: Console, *, yes: bool) -> bool:
    for approval in view.approvals:
        if not yes:
            show_question(approval, console)
        verdict = "approve" if yes else _ask(console)
        if verdict is None:
            return False
        seen: dict[str, Any] = {"digest": approval.bound_to} if approval.edited else {}
        try:
            client.answer(approval.id, "approve" if verdict == "approve" else "reject", **seen)
        except Conflict as error:  # somebody else was faster
            console.print(Text(error.message, "yellow"))
        else:
            word = "approved" if verdict == "approve" else "rejected"
            console.print(Text(f"{word}: {plain(approval.question)} ({approval.id})", "bold"))
    return True


def _ask(console: Console) -> str | None:
    if not console.is_terminal:
        return None
    answer = Prompt.ask(
        "[bold yellow]?[/] approve", choices=["yes", "no", "later"], default="later", console=console
    )
    return {"yes": "approve", "no": "reject"}.get(answer)


def _tell_how_to_answer(view: ProjectDetail, console: Console, *, hub_stays: bool) -> None:
    console.print(Text("the project waits for a person; to answer:", "yellow"))
    if not hub_stays:
        console.print("  soma up", markup=False)
    for approval in view.approvals:
        console.print(f"  soma approve {approval.id}    (or: soma reject {approval.id})", markup=False)

"""The live view: a project's board that redraws itself, or plain lines where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from blocks.errors import Unavailable
from ui.cli.board import board, changes
from ui.client import HubClient
from ui.wire import ProjectDetail

Until = Callable[[ProjectDetail], bool]


class Screen:
    """Shows the latest look at a project."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.view: ProjectDetail | None = None
        self.lost: str | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, get_renderable=self._render, refresh_per_second=5):
            yield

    def show(self, view: ProjectDetail) -> None:
        before, self.view, self.lost = self.view, view, None
        if not self.console.is_terminal:
            for line in changes(before, view):
                self.console.print(Text(line))

    def lose(self, error: Unavailable) -> None:
        if self.lost is None and not self.console.is_terminal:
            self.console.print(Text(f"{error.message}; trying again"))
        self.lost = error.message

    def _render(self) -> RenderableType:
        if self.lost:
            return Text(f"{self.lost}; trying again", "yellow")
        return board(self.view) if self.view else Text("…")


def watch(client: HubClient, project: str, screen: Screen, until: Until) -> ProjectDetail:
    """Show the project until the condition holds or the project is final, and return the last look."""
    with screen.open():
        view = client.project(project)
        screen.show(view)
        if until(view) or view.final:
            return view
        with closing(client.follow(project, after=view.last_event, lost=screen.lose)) as events:
            for event in events:
                if event.id <= view.last_event:  # a look that was taken later has told it
                    continue
                view = client.project(project)
                screen.show(view)
                if until(view):
                    return view
        view = client.project(project)
        screen.show(view)
        return view


def needs_people(view: ProjectDetail) -> bool:
    """Whether only people can bring the project on."""
    return bool(view.approvals) and view.state == "awaiting_approval"

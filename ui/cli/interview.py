"""Asking the questions of a session in the terminal, until it can be launched."""

from collections.abc import Mapping

from rich.console import Console
from rich.prompt import Prompt
from rich.text import Text

from blocks.errors import BadInput
from ui.cli.blueprints import described, show_matches
from ui.cli.sessions import show_preview
from ui.cli.terminal import cut, plain
from ui.cli.typed import typed, typed_answers
from ui.client import HubClient
from ui.wire import Project
from ui.wire_intake import AskedQuestion, SessionDetail


class Interview:
    """One session, led from its present state to a project."""

    def __init__(
        self, client: HubClient, session: SessionDetail, console: Console, *, accept: bool = False
    ) -> None:
        self._client = client
        self._session = session
        self._console = console
        self._accept = accept
        self._seen: set[str] = set()
        """The questions that were put in this run; one that is left empty is not put again for that."""

    def lead(self, given: Mapping[str, str], *, launch: bool) -> Project | None:
        """The launched project; None when the person leaves before. What was answered is kept."""
        try:
            return self._lead(given, launch=launch)
        except EOFError:
            self._tell_way_back()
            return None

    def _lead(self, given: Mapping[str, str], *, launch: bool) -> Project | None:
        if self._session.state == "launched":
            return self._client.launch_session(self._session.id, version=self._session.version)
        if self._console.is_terminal:
            self._say(f"session {self._session.id}: leave with Ctrl-C, go on with --resume", "dim")
        if self._session.blueprint is None:
            self._pick()
        if given:
            questions = [question for step in self._session.steps for question in step.questions]
            self._answer(dict(typed_answers(questions, given)))
        self._ask_all()
        show_preview(self._client.preview_session(self._session.id), self._console)
        if not launch and not self._agrees():
            self._tell_way_back()
            return None
        return self._client.launch_session(self._session.id, version=self._session.version)

    def _tell_way_back(self) -> None:
        self._say(f"not launched; go on with: soma new --resume {self._session.id}", "yellow")

    def _pick(self) -> None:
        show_matches(self._session.matches, self._console)
        names = [item.blueprint for item in self._session.matches]
        if not self._console.is_terminal:
            raise BadInput(
                f"no blueprint fits the request well enough; name one with --blueprint: {', '.join(names)}"
            )
        chosen = Prompt.ask("blueprint", choices=names, console=self._console)
        self._session = self._client.pick_blueprint(self._session.id, chosen, version=self._session.version)

    def _ask_all(self) -> None:
        """Ask what is open, in the order of the questions, until nothing is in the way."""
        if self._accept and self._session.guesses:
            self._answer({item.id: item.answer for item in self._session.guesses})
        while (question := self._next()) is not None:
            self._ask(question)
        if self._session.problems:
            raise self._stuck()

    def _next(self) -> AskedQuestion | None:
        """The first question that is in the way, or was not put yet; nobody at the terminal: none."""
        if not self._console.is_terminal:
            return None
        wrong = {problem.question for problem in self._session.problems}
        asked = [question for step in self._session.steps for question in step.asked]
        fresh = [item for item in asked if item.answer is None and item.id not in self._seen]
        return next((item for item in asked if item.id in wrong or item in fresh), None)

    def _ask(self, question: AskedQuestion) -> None:
        self._seen.add(question.id)
        for problem in self._session.problems:
            if problem.question == question.id and not problem.message.startswith("is missing"):
                self._say(f"  {problem.message}", "yellow")
        if question.help:
            self._say(f"  {question.help}", "dim")
        shown = question.answer if question.answer is not None else question.default
        before = _as_text(shown)
        text = Prompt.ask(
            Text(plain(described(question)), "bold"),
            console=self._console,
            default=before,
            show_default=bool(before),
        )
        try:
            self._answer({question.id: typed(question, text)})
        except BadInput as error:
            self._say(f"  {error.message}", "red")

    def _answer(self, answers: Mapping[str, object]) -> None:
        self._session = self._client.answer_session(self._session.id, answers, version=self._session.version)

    def _agrees(self) -> bool:
        if not self._console.is_terminal:
            return False
        return Prompt.ask("launch", choices=["yes", "no"], default="no", console=self._console) == "yes"

    def _stuck(self) -> BadInput:
        told = "; ".join(
            f"{item.question}: {item.message}" if item.question else item.message
            for item in self._session.problems
        )
        mend = f"soma new --resume {self._session.id} --input NAME=VALUE"
        return BadInput(cut(told, 1000), mend=mend)

    def _say(self, line: str, style: str) -> None:
        self._console.print(Text(plain(line), style))


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)

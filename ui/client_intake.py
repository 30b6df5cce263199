"""From a request to a launched project, as calls of the client."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from ui.transport import Transport, segment
from ui.wire import Project
from ui.wire_intake import Match, NodeDetail, Preview, Question, Session, SessionDetail


class IntakeCalls(Transport):
    """Finding a blueprint, answering its questions, looking at the plan, and launching it once."""

    def blueprint(self, name: str) -> dict[str, Any]:
        """One blueprint, as its file says it."""
        found: dict[str, Any] = self._get(f"/v1/blueprints/{segment(name)}")
        return found

    def questions(self, blueprint: str) -> list[Question]:
        """What a blueprint asks, in its order."""
        return TypeAdapter(list[Question]).validate_python(self.blueprint(blueprint)["questions"])

    def match(self, request: str) -> list[Match]:
        """The blueprints that a typed request may be about, the likeliest first."""
        found = self._post("/v1/blueprints/match", {"request": request})
        return TypeAdapter(list[Match]).validate_python(found)

    def preview(self, blueprint: str, inputs: Mapping[str, Any], *, title: str | None = None) -> Preview:
        """What launching this would do; nothing is recorded."""
        asked = {"blueprint": blueprint, "inputs": dict(inputs), "title": title}
        return Preview.model_validate(self._post("/v1/projects/preview", asked))

    def node(self, project: str, node: str) -> NodeDetail:
        """One node with its inputs, outputs, attempts and decisions."""
        path = f"/v1/projects/{segment(project)}/nodes/{segment(node)}"
        return NodeDetail.model_validate(self._get(path))

    def new_session(
        self, *, blueprint: str | None = None, request: str = "", title: str | None = None
    ) -> SessionDetail:
        """A session from a blueprint, or from a request, which picks one and fills in what it can."""
        asked = {"blueprint": blueprint, "request": request, "title": title}
        return SessionDetail.model_validate(self._post("/v1/sessions", asked))

    def sessions(self) -> list[Session]:
        """One's own sessions that are not launched yet, the one worked on last first."""
        return TypeAdapter(list[Session]).validate_python(self._get("/v1/sessions"))

    def session(self, session: str) -> SessionDetail:
        return SessionDetail.model_validate(self._get(f"/v1/sessions/{segment(session)}"))

    def answer_session(
        self, session: str, answers: Mapping[str, Any], *, version: int, step: str | None = None
    ) -> SessionDetail:
        """Keep answers, all or none; `version` is that of the session one has looked at.

        `BadInput` has `problems`, each with `question` and `message`. `Conflict` where somebody has answered
        one of these questions otherwise since: read the session again; other answers are merged.
        """
        asked = {"answers": dict(answers), "version": version, "step": step}
        return SessionDetail.model_validate(self._post(f"/v1/sessions/{segment(session)}/answers", asked))

    def pick_blueprint(self, session: str, blueprint: str, *, version: int) -> SessionDetail:
        """Go on with another blueprint; answers to questions that it asks too are kept."""
        asked = {"blueprint": blueprint, "version": version}
        return SessionDetail.model_validate(self._put(f"/v1/sessions/{segment(session)}/blueprint", asked))

    def title_session(self, session: str, title: str | None, *, version: int) -> SessionDetail:
        """Name the project that it will become."""
        asked = {"title": title, "version": version}
        return SessionDetail.model_validate(self._put(f"/v1/sessions/{segment(session)}/title", asked))

    def discard_session(self, session: str) -> None:
        """Forget a session; what was launched from it stays."""
        self._delete(f"/v1/sessions/{segment(session)}")

    def preview_session(self, session: str) -> Preview:
        """What launching the session would do; `BadInput` where answers are missing or wrong."""
        return Preview.model_validate(self._post(f"/v1/sessions/{segment(session)}/preview"))

    def launch_session(self, session: str, *, version: int) -> Project:
        """Launch it, once and only once: every further call gives the same project.

        `Conflict` where the session has changed since `version`; a refusal where the constitution says no.
        """
        path = f"/v1/sessions/{segment(session)}/launch"
        return Project.model_validate(self._post(path, {"version": version}))

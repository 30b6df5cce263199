"""From a request to a launched project, as the gateway and its clients speak of it."""

from datetime import date, datetime
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from ui.wire import Asked, Said

MOST_REQUEST = 50_000
QuestionType = Literal["text", "long_text", "number", "integer", "boolean", "select", "multi_select", "date"]


class Option(Said):
    """One of the answers that a question offers."""

    value: str
    label: str
    """What people read; the value unless the blueprint says otherwise."""
    help: str = ""


class Question(Said):
    """One question of a blueprint; its id names the answer."""

    id: str
    step: str
    """The title of the page that it stands on; questions of one step are asked together."""
    text: str
    help: str
    type: QuestionType
    options: list[Option]
    required: bool
    default: JsonValue
    condition: str | None
    """It is asked only where this holds for the answers before it."""
    min: float | date | None = None
    """The least number, the earliest day, or the fewest characters or choices."""
    max: float | date | None = None


class AskedQuestion(Question):
    """A question as it stands in a session."""

    asked: bool
    """Whether its condition holds for the answers so far."""
    answer: JsonValue
    """What was answered; null where nothing was."""
    guessed: str | None
    """Where in the request the answer was found; null once a person has confirmed or changed it."""


class Step(Said):
    """Questions that are asked together."""

    title: str
    questions: list[AskedQuestion]
    """Those that are not asked are among them, with `asked` false."""

    @property
    def asked(self) -> list[AskedQuestion]:
        return [question for question in self.questions if question.asked]


class Problem(Said):
    """What keeps the answers from being a plan."""

    question: str | None
    """The question to look at; null where it is about several."""
    message: str


class Guess(Said):
    """An answer that was found in a typed request; a person has to confirm it."""

    question: str
    text: str
    """The question's own words."""
    answer: JsonValue
    because: str
    """Where it was found."""


class Match(Said):
    """A blueprint that may be what a request is about."""

    blueprint: str
    title: str
    summary: str
    score: float
    """From 0 to 1; to be compared within one answer only."""
    fits: bool
    """Whether it is near enough to be picked without asking."""
    guesses: list[Guess]


class Request(Asked):
    """What somebody wants, in their own words."""

    request: str = Field(min_length=1, max_length=MOST_REQUEST)


class NewSession(Asked):
    """A conversation that leads to a project: from a blueprint, or from a request, which picks one."""

    blueprint: str | None = Field(default=None, min_length=1, max_length=100)
    request: str = Field(default="", max_length=MOST_REQUEST)
    title: str | None = Field(default=None, min_length=1, max_length=200)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.blueprint is None and not self.request.strip():
            raise ValueError("give a `blueprint`, a `request`, or both")
        return self


class Seen(Asked):
    """What the one who asks has looked at."""

    version: int = Field(ge=1)
    """The session's version that was shown."""


class Answers(Seen):
    """Answers to one question, or to those of one step."""

    answers: dict[str, JsonValue] = Field(max_length=200)
    """By question; null takes an answer back."""
    step: str | None = Field(default=None, max_length=200)
    """Where the person is now, so that the session is resumed there."""


class BlueprintPicked(Seen):
    """Another blueprint for the session; answers to questions that it asks too are kept."""

    blueprint: str = Field(min_length=1, max_length=100)


class TitleAsked(Seen):
    """What the project is to be called."""

    title: str | None = Field(min_length=1, max_length=200)


class Session(Said):
    """A session as it is listed."""

    id: str
    state: Literal["open", "launched"]
    blueprint: str | None
    title: str
    request: str
    version: int
    project: str | None
    """The project that was launched from it."""
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    """When it is forgotten unless somebody works on it; a launched one's project stays."""


class SessionDetail(Session):
    """A session with its questions and answers."""

    step: str | None
    """Where the person was last."""
    steps: list[Step]
    """Empty until a blueprint is picked."""
    matches: list[Match]
    """The blueprints that the request may be about, the likeliest first."""
    problems: list[Problem]
    """What is still missing or does not fit together; nothing: it can be launched."""

    @property
    def ready(self) -> bool:
        """Whether it can be launched as it stands."""
        return self.blueprint is not None and not self.problems

    @property
    def guesses(self) -> list[AskedQuestion]:
        """The questions whose answers nobody has confirmed yet."""
        return [question for step in self.steps for question in step.asked if question.guessed]


class Ruling(Said):
    """One article that speaks, or may speak, of an action."""

    article: str
    title: str
    verdict: str
    reason: str


class Forecast(Said):
    """What the constitution says to one action of a plan, as far as it can be told before it happens."""

    stage: str
    action: str
    verdict: Literal["allow", "warn", "redact", "approve", "deny", "depends"]
    """`depends`: only what happens until then decides."""
    article: str
    """The deciding one; `default` where none speaks."""
    reason: str
    mend: str
    may: list[Ruling]
    """Articles that read what is not known yet, such as arguments, and may change the verdict."""


class PlannedApproval(Said):
    """What people are asked before a node runs, because the plan says so."""

    question: str
    who: list[str]
    quorum: int
    expires: str


class PlannedNode(Said):
    """One node of a plan, with what it may touch."""

    id: str
    title: str
    capsule: str
    version: str
    summary: str
    """The capsule's own."""
    needs: list[str]
    tolerates: list[str]
    runtime: str
    tools: dict[str, dict[str, Any]]
    """Each with the limits on its arguments."""
    memory: list[str]
    budget: dict[str, float]
    timeout: float | None
    attempts: int
    when: str | None
    """The condition under which it runs; else it is skipped."""
    becomes: Literal["itself", "one for each item", "what it plans"]
    approval: PlannedApproval | None
    forecasts: list[Forecast]
    """Planning it, starting its capsule, each of its tools, and for an agent asking its model."""

    @property
    def asks(self) -> bool:
        """Whether people will be asked before or in it, as far as that is known."""
        return self.approval is not None or any(item.verdict == "approve" for item in self.forecasts)

    @property
    def refused(self) -> bool:
        """Whether the constitution will not let it start."""
        starts = {"plan.node", "capsule.start"}
        return any(item.verdict == "deny" and item.stage in starts for item in self.forecasts)


class Edge(Said):
    """One node needs another."""

    source: str
    target: str
    tolerated: bool
    """Whether the target runs all the same when the source is refused or fails."""


class Preview(Said):
    """What launching would do; nothing was recorded, nothing runs."""

    blueprint: str
    blueprint_version: str
    title: str
    plan_digest: str
    inputs: dict[str, Any]
    nodes: list[PlannedNode]
    edges: list[Edge]
    launch: Forecast
    constitution: str
    """Name and version of the one in force."""
    budget: dict[str, float]
    """What the whole project may use up."""
    deadline: float | None
    """Seconds after the launch."""
    warnings: list[str]
    """What has to be seen to before it can work, such as a model that is not configured."""


class NodeDecision(Said):
    """One decision that was recorded for a node."""

    id: str
    at: str
    stage: str
    action: str
    verdict: str
    articles: list[dict[str, Any]]
    attempt: int | None
    outcome: str | None
    """`completed`, `failed` or `cancelled`; null where nothing has ended, or nothing was let run."""


class NodeAttempt(Said):
    """One try at a node."""

    number: int
    generation: int
    state: str
    runtime: str
    reason: str | None
    error: str | None
    flow_run: str | None
    run_url: str | None
    """The run in Prefect's own pages."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class NodeDetail(Said):
    """A node of a project with all that is known of it."""

    node: str
    title: str
    capsule: str
    version: str
    state: str
    reason: str | None
    attempt: int
    generation: int
    started_at: datetime | None
    ended_at: datetime | None
    needs: list[str]
    inputs: dict[str, JsonValue]
    """As they are or were given; long ones cut, secrets masked, `{"pending": "node.output"}` where open."""
    outputs: dict[str, JsonValue] | None
    """Null until it has completed; cut and masked in the same way."""
    cut: bool
    """Whether something was too long to be shown whole."""
    authority: dict[str, Any]
    attempts: list[NodeAttempt]
    """The newest first."""
    decisions: list[NodeDecision]
    """The newest first, at most a hundred."""
    run_url: str | None
    """The newest attempt's run in Prefect's own pages."""

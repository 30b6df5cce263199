"""A node of a plan: one capsule version with bound inputs, and when, how often and for how long it runs."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from blocks.constitution.terms import ApprovalTerms
from blocks.constitution.written import EscalationText, Terms
from capsules.authority import NodeAuthority
from capsules.frozen import Frozen
from capsules.manifest import Name, Version
from capsules.references import is_reference, markers, sources

NodeId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*$", max_length=200)]
MOST_CHILDREN = 10_000
"""How many nodes one node may become."""


LATER = (
    *("each", "parallel", "may_fail", "expand", "when", "at_least"),
    *("timeout", "priority", "resources", "retry", "undo"),
)
"""Fields of a node that came after the first plans."""


class ApprovalSpec(Frozen):
    """The question that people answer before the node runs, and on which terms."""

    later: ClassVar[frozenset[str]] = frozenset(
        ("who", "quorum", "expires", "requester", "remind", "escalate", "revises")
    )

    question: str
    show: dict[str, Any] = {}
    """What they are shown: names to values or to `{"$from": "node.output"}`."""
    who: list[str] = []
    """`user:NAME` and `role:NAME`; anybody who may answer approvals if empty."""
    quorum: int = 1
    """How many different people must agree."""
    expires: str = "7d"
    """After this long without an answer the answer is no."""
    requester: bool = True
    """Whether the one who asked for the project may answer."""
    remind: str | None = None
    """How often people are reminded, such as `4h`."""
    escalate: EscalationText | None = None
    """`{after: 1d, to: [role:lead]}`: who may answer as well after that long."""
    revises: NodeId | None = None
    """The node that does its work anew when changes are asked for; this one unless given."""

    @model_validator(mode="after")
    def _has_terms(self) -> "ApprovalSpec":
        self.terms()
        return self

    def terms(self) -> ApprovalTerms:
        """The terms, as an article's."""
        said = self.model_dump(include={"who", "quorum", "expires", "requester", "remind", "escalate"})
        return Terms.model_validate(said).compiled()


class RetryPolicy(Frozen):
    """How often a node is tried, how long it rests between two tries, and after which errors."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    wait: Annotated[float, Field(ge=0, le=2_592_000)] = 0.0
    """Seconds before the second attempt."""
    factor: Annotated[float, Field(ge=1, le=100)] = 2.0
    """How much longer each wait is than the one before."""
    longest: Annotated[float, Field(ge=0, le=2_592_000)] = 3600.0
    """No wait is longer, in seconds."""
    jitter: bool = True
    """Whether each wait is a random part, at least half, of what it would be, so that nodes that failed
    together do not come back together."""
    on: list[str] = []
    """Names of error types, or globs of them, after which it is tried again; any error if empty."""
    never: list[str] = []
    """Those after which it is not, whatever `on` says."""


class Undo(Frozen):
    """The capsule that takes back what a completed node did."""

    capsule: Name
    version: Version | None = None
    """The installed one unless given."""
    title: str | None = None
    inputs: dict[str, Any] = {}
    """Each a value, or `{"$from": "NODE.output"}` of the node itself."""


class PlanNode(Frozen):
    """One capsule version with bound inputs."""

    later: ClassVar[frozenset[str]] = frozenset(LATER)

    id: NodeId
    title: str
    capsule: Name
    version: Version
    inputs: dict[str, Any] = {}
    """Each a value, or `{"$from": "node.output"}`, or one of the driver's facts `{"$fact": "refused"}`."""
    needs: list[NodeId] = []
    tolerates: list[NodeId] = []
    """Those of `needs` that may be refused or fail without this node being skipped."""
    authority: NodeAuthority = NodeAuthority()
    runtime: Literal["inline", "process", "pod"] = "inline"
    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    """How often it is tried, at once after each failure; `retry` says more."""
    approval: ApprovalSpec | None = None
    each: Any = None
    """A list, or `{"$from": "node.output"}` of one: the node is a template, and for each item there is a
    child `ID.0`, `ID.1`, … whose inputs may have `{"$item": "dotted.path"}` and `{"$index": true}`."""
    parallel: Annotated[int, Field(ge=1)] | None = None
    """How many of its children may be at work at once."""
    may_fail: Annotated[int, Field(ge=0)] = 0
    """How many of its children may fail or be refused without the node failing."""
    expand: str | None = None
    """The capsule's output that is a list of node documents; they become children `ID.their-id`."""
    when: str | None = None
    """A CEL condition over `results.NODE.output` of its needs and `inputs`; if false, it is skipped."""
    at_least: Annotated[int, Field(ge=1)] | None = None
    """How many of `needs` must have completed once all have ended; it goes without the rest."""
    timeout: Annotated[float, Field(gt=0, le=2_592_000)] | None = None
    """Seconds that one attempt may work."""
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = 0
    """Among nodes that could start now, the higher goes first."""
    resources: list[Name] = []
    """What it takes a place of: each is the concurrency limit `resource:NAME`, if there is such a limit."""
    retry: RetryPolicy | None = None
    undo: Undo | None = None

    @property
    def policy(self) -> RetryPolicy:
        """How it is tried again: `retry`, or the short form `attempts`."""
        return self.retry or RetryPolicy(attempts=self.attempts, jitter=False)

    @property
    def has_children(self) -> bool:
        """Whether it becomes other nodes at run time."""
        return self.each is not None or self.expand is not None

    @model_validator(mode="after")
    def _makes_sense(self) -> "PlanNode":
        if problem := next(_problems(self), None):
            raise ValueError(f"node {self.id!r}: {problem}")
        return self


def _problems(node: PlanNode) -> Iterator[str]:
    if node.each is not None and not isinstance(node.each, list) and not _stands_for_a_list(node.each):
        yield '`each` is a list or {"$from": "node.output"}'
    if isinstance(node.each, list) and len(node.each) > MOST_CHILDREN:
        yield f"`each` has {len(node.each):,} items; at most {MOST_CHILDREN:,} are mapped over"
    if node.each is None and (marked := {"$item", "$index"} & markers(node.inputs)):
        yield f"`{min(marked)}` stands only in a node with `each`"
    if not node.has_children and (node.parallel is not None or node.may_fail):
        yield "`parallel` and `may_fail` speak of children; it has neither `each` nor `expand`"
    if node.at_least is not None and node.at_least > len(node.needs):
        yield f"`at_least` is {node.at_least}, but it needs only {len(node.needs)} nodes"
    if node.undo is not None and (strange := sources(node.undo.inputs) - {node.id}):
        yield f"`undo` takes from {sorted(strange)}; it may take only from the node itself"


def _stands_for_a_list(each: Any) -> bool:
    return is_reference(each) or (isinstance(each, dict) and set(each) == {"$result", "path"})

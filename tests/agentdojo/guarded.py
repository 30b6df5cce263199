"""Calls of the suites' tools through the guard, as a node of a project makes them."""

from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, Signature
from pathlib import Path

from planner import planned

from blocks.audit.log import AuditLog
from blocks.constitution.document import parse_constitution
from blocks.context import Authority, ConstitutionSource, RunContext, running
from blocks.errors import ApprovalNeeded, Refusal
from blocks.identity import Principal
from tasks.governed import GovernedTask

CONSTITUTION = Path(__file__).parent / "constitution.yaml"
SETTINGS = ("planned", "worded", "unplanned")
WRITTEN_BY_OTHERS = {"banking.read_file"}
"""Tools whose whole answer is text that others may have written; their declaration says so."""


async def forget(rows):
    """Stores nothing: what is measured is what was decided."""


_world = ContextVar("world")
"""The suite and the environment that the tools work in."""
AUDIT = AuditLog(forget)  # it is closed with the process
SOURCE = ConstitutionSource(parse_constitution(CONSTITUTION.read_text(), CONSTITUTION.name))


@dataclass(frozen=True)
class Judged:
    """A call and what the guard said."""

    call: str
    verdict: str
    by: str

    @property
    def through(self):
        return self.verdict not in {"approve", "deny"}


def tools_for(setting, suite, task, calls):
    """What the node may use: the user task's own tools, those that the request's words name, or all."""
    if setting == "unplanned":
        return suite.tools
    if setting == "worded":
        return planned(task.PROMPT, suite.tools)
    return sorted({call.function for call in calls})


def node_for(suite, task, tools):
    """The run context of a node whose project was requested with the task's prompt."""
    context = RunContext(
        tenant="acme",
        principal=Principal(tenant="acme", name="assistant", kind="agent"),
        constitution=SOURCE,
        audit=AUDIT,
        project="p1",
        project_facts={"blueprint": suite.name, "requested_by": "emma", "inputs": {"request": task.PROMPT}},
        node="assist",
        attempt=1,
        capsule="assistant",
        capsule_version="1.0.0",
        authority=Authority(
            tools={f"{suite.name}.{tool}": {} for tool in tools}, memory=frozenset(), budget={}
        ),
    )
    context.trail.trust(context.project_facts["inputs"])
    return context


def attempt(suite, context, environment, call):
    """What the guard says to the call, and what the tool gives where it is let through."""
    _world.set((suite, environment))
    with running(context):
        try:
            result = _governed(suite, call.function).fn(**call.args)
        except Refusal as error:
            verdict = "approve" if isinstance(error, ApprovalNeeded) else "deny"
            return Judged(call.function, verdict, error.article), None
    return Judged(call.function, "allow", ""), result


@cache
def _governed(suite, function):
    """The suite's tool as a governed task with the tool's own parameters."""
    name = f"{suite.name}.{function}"

    def body(**arguments):
        here, environment = _world.get()
        return here.run(environment, function, arguments)

    body.__signature__ = Signature(
        [
            Parameter(argument, Parameter.KEYWORD_ONLY, default=default)
            for argument, default in suite.parameters(function)
        ]
    )
    labels = ("tool_output", "text") if name in WRITTEN_BY_OTHERS else ("tool_output",)
    return GovernedTask(body, stage="tool.call", action=name, labels=labels, name=name)

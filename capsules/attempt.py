"""One attempt at a capsule: claim it, ask the constitution, run the body, record the result once."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from prefect.context import FlowRunContext

from blocks.context import RunContext, current, running
from blocks.errors import ApprovalNeeded, BadInput, PolicyDenied, SomaError, TookTooLong
from blocks.records.agreements import agreements
from blocks.records.approvals import ask
from blocks.records.ledger import finish_attempt, start_attempt
from blocks.records.looking import count_ended, read_nodes
from blocks.records.projects import get_project
from blocks.records.tables import Attempt, NodeRecord, NodeState, Project, now
from blocks.signing_in.claims import Claim
from blocks.signing_in.passport import Passport
from blocks.tracing.spans import Attribute, Span, span
from capsules.driver.suspending import leave_suspending_to_the_hub
from capsules.environment import Environment, environment, project_facts, service_context
from capsules.history import following
from capsules.intake import labelled, take_inputs, take_request
from capsules.mandates import mandate_of, principal_of
from capsules.manifest import Manifest
from capsules.outputs import outputs_of
from capsules.plan import PlanNode, planned_node
from capsules.planned_facts import authority_of, capsule_fields, start_facts
from capsules.references import sources
from capsules.retrying import rest_before
from capsules.spending import spending_of, timed
from capsules.threads import in_thread
from tasks.governed import decide


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What the driver gives to a capsule that it runs inline: an attempt, and what it knows already."""

    attempt: str
    project: Project
    node: PlanNode
    lines: Mapping[str, NodeRecord]
    """The ledger's lines of the nodes that the node takes from, by name."""


assigned: ContextVar[Handed | None] = ContextVar("assigned_attempt", default=None)
"""Set for a capsule that is run inline, in the context of its asyncio task alone."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a capsule's run was started for: a node of a project, or nothing but itself."""

    context: RunContext
    attempt: Attempt | None = None
    node: PlanNode | None = None
    project: Project | None = None
    lines: Mapping[str, NodeRecord] = field(default_factory=dict)
    """The ledger's lines of the nodes that it takes from, by name."""


async def perform(
    manifest: Manifest, digest: str, body: Callable[..., Any], arguments: dict[str, Any]
) -> Any:
    """Run the body if the constitution allows it, and record how it ended in the ledger.

    `digest` is that of the capsule's files.
    """
    async with environment() as opened, _assignment(opened, manifest, digest) as given:
        if given.node is None and current() is None:
            given.context.trail.trust(arguments)  # whoever starts a capsule by itself has said what it takes
        try:
            with running(given.context):
                take_inputs(given.context.trail, given.node, given.lines, arguments)
                async with following(opened, given.context), timed(given.context) as clock:
                    decision = await decide("capsule.start", manifest.name, start_facts(manifest, arguments))
                    work = _within_time(manifest, given.node, body, arguments)
                    output = await clock.within(decision, work)
            document = outputs_of(manifest, output)
        except BaseException as error:
            await _record_failure(opened, given, error)
            raise
        if given.attempt is not None:
            reference = labelled(await opened.results.write(document), given.context.trail)
            await opened.audit.flush()
            expands = given.node is not None and given.node.expand is not None
            await finish_attempt(
                opened.database, given.attempt.id, "completed", result=reference, expands=expands
            )
        return output


async def _within_time(
    manifest: Manifest, node: PlanNode | None, body: Callable[..., Any], arguments: dict[str, Any]
) -> Any:
    """Run the body for as long as its node's timeout and its capsule's budget let it."""
    timeout = node.timeout if node is not None else None
    most = min(
        (seconds for seconds in (manifest.budget.seconds, timeout) if seconds is not None), default=None
    )
    clock = asyncio.timeout(most)
    try:
        async with clock:
            if inspect.iscoroutinefunction(body):
                return await body(**arguments)
            return await in_thread(body, arguments)
    except TimeoutError:
        if not clock.expired():
            raise
        if node is not None and most == timeout:
            raise TookTooLong(f"{node.id} took longer than its timeout of {most:g} seconds") from None
        raise SomaError(
            f"{manifest.name} used up its {manifest.budget.seconds:g} seconds; "
            "raise `budget.seconds` in its capsule.yaml or give it less to do"
        ) from None


@asynccontextmanager
async def _assignment(opened: Environment, manifest: Manifest, digest: str) -> AsyncIterator[Assignment]:
    handed = assigned.get()
    named = handed.attempt if handed is not None else _attempt_of_run()
    if named is None:
        if current() is None:
            await opened.lease.take("run", _flow_run())
        alone = Assignment(context=_unassigned(opened, manifest, digest))
        with _seen(manifest, alone):
            yield alone
        return
    token = assigned.set(None)  # a capsule called by this one is not this attempt
    try:
        given = await _claim(opened, manifest, digest, named, handed)
        with _seen(manifest, given):
            yield given
    finally:
        assigned.reset(token)


def _seen(manifest: Manifest, given: Assignment) -> AbstractContextManager[Span]:
    """The span of the capsule's run; a node's belongs to what launched its project."""
    context, attempt = given.context, given.attempt
    facts: dict[str, Attribute] = {"soma.capsule": manifest.name, "soma.tenant": context.tenant}
    if attempt is not None:
        facts |= {"soma.project": attempt.project, "soma.node": attempt.node, "soma.attempt": attempt.number}
        facts |= {"soma.generation": attempt.generation, "soma.runtime": attempt.runtime}
    return span(f"capsule {manifest.name}", facts, parent=attempt.trace if attempt is not None else None)


def _attempt_of_run() -> str | None:
    """The attempt that this Prefect run was created for: its idempotency key."""
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    key = run.idempotency_key if run is not None else None
    return key if key is not None and key.startswith("att_") and current() is None else None


async def _claim(
    opened: Environment, manifest: Manifest, digest: str, attempt: str, handed: Handed | None
) -> Assignment:
    leave_suspending_to_the_hub()
    holder = await opened.lease.take("run", _flow_run())
    found = await start_attempt(opened.database, attempt, flow_run=_flow_run(), holder=holder)
    known = handed if handed is not None else await _read(opened, found)
    node = known.node
    if (node.capsule, node.version) != (manifest.name, manifest.version):
        raise SomaError(
            f"node {node.id!r} was planned for {node.capsule} {node.version}, "
            f"but {manifest.name} {manifest.version} is installed; plan the project again"
        )
    context = await _context(opened, manifest, digest, known, found)
    return Assignment(context=context, attempt=found, node=node, project=known.project, lines=known.lines)


async def _context(
    opened: Environment, manifest: Manifest, digest: str, known: Handed, found: Attempt
) -> RunContext:
    """In whose name the attempt acts, and with which authority."""
    project, node = known.project, known.node
    agreed = await agreements(opened.database, project.id)
    principal = principal_of(project, node)
    context = RunContext(
        tenant=project.tenant,
        principal=principal,
        passport=Passport(
            opened.settings.keys_path, principal, mandate_of(node, found), _claim_of(opened, found)
        ),
        constitution=opened.constitution.of(project.tenant),
        audit=opened.audit,
        project=project.id,
        project_facts=project_facts(opened.settings, project),
        node=node.id,
        attempt=found.number,
        generation=found.generation,
        token=found.token,
        **capsule_fields(manifest, digest),
        runtime=node.runtime,
        environment=opened.settings.environment,
        authority=authority_of(node),
        approved=agreed.actions,
        edits=agreed.edits,
        spending=await spending_of(opened, project, node, found),
    )
    take_request(context.trail, project)
    return context


def _claim_of(opened: Environment, found: Attempt) -> Claim | None:
    gateway, holder = opened.settings.gateway_url, found.holder
    return Claim(gateway=gateway, attempt=found.id, holder=holder) if holder is not None else None


async def _read(opened: Environment, attempt: Attempt) -> Handed:
    """What a run in a process of its own has to read for itself."""
    project = await get_project(opened.database, attempt.project)
    own = (await read_nodes(opened.database, project.id, {attempt.node}))[0]
    node = planned_node(project.plan, own)
    lines = {line.node: line for line in await read_nodes(opened.database, project.id, sources(node.inputs))}
    return Handed(attempt=attempt.id, project=project, node=node, lines=lines)


def _unassigned(opened: Environment, manifest: Manifest, digest: str) -> RunContext:
    """The context of a run that no project asked for: a caller's if there is one, else a service's."""
    present = current() or service_context(opened)
    return replace(present, runtime=manifest.runtime.kind, **capsule_fields(manifest, digest))


def _flow_run() -> str | None:
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context is not None and context.flow_run is not None else None


async def _record_failure(opened: Environment, given: Assignment, error: BaseException) -> None:
    """Record a refusal or a failure; a run that is being stopped records nothing and is found dead."""
    if given.attempt is None or given.node is None or not isinstance(error, Exception):
        return
    state: NodeState = "failed"
    if isinstance(error, ApprovalNeeded):
        await _ask(opened, given, error)
        state = "awaiting_approval"
    elif isinstance(error, PolicyDenied):
        state = "denied"
    final = state != "failed" or (isinstance(error, SomaError) and error.final)
    rest = None
    if not final:
        failures = await count_ended(opened.database, given.attempt, "failed")
        rest = rest_before(given.node.policy, failures + 1, error, given.attempt.id)
    await opened.audit.flush()
    await finish_attempt(
        opened.database,
        given.attempt.id,
        state,
        reason=_reason(error),
        error=type(error).__name__,
        again=rest is not None,
        due_at=now() + timedelta(seconds=rest) if rest else None,
    )


async def _ask(opened: Environment, given: Assignment, error: ApprovalNeeded) -> None:
    if given.project is None or given.node is None:
        return
    async with opened.database.session() as session:
        await ask(
            session,
            given.project,
            node=given.node.id,
            question=error.message,
            details=_shown(error),
            action_digest=str(error.fields["action_digest"]),
            requirements=error.fields.get("requirements") or [],
            decision=error.fields.get("decision"),
            offered=error.fields.get("offered"),
            revises=given.node.approval.revises if given.node.approval else None,
        )


def _shown(needed: ApprovalNeeded) -> dict[str, Any]:
    """What people see of the action that they are asked about: which it is, and with what."""
    offered = needed.fields.get("offered") or {}
    shown = {"action": needed.fields.get("action"), "article": needed.fields.get("article")}
    return {**shown, **({"arguments": offered["arguments"]} if "arguments" in offered else {})}


def _reason(error: Exception) -> str:
    if not isinstance(error, SomaError):
        return f"{type(error).__name__}: {error}".strip(": ")
    mend = error.fields.get("mend")
    advice = f"; {mend}" if mend and str(mend) not in error.message else ""
    return f"{'bad input: ' if isinstance(error, BadInput) else ''}{error.message}{advice}"

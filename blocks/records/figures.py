"""What is counted for the meters: one query each, by an index or over tables that stay small.

They name no tenant, no person and no project: whoever may look at the meters needs no token for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

from sqlalchemy import Float, Integer, Select, and_, case, cast, func, literal, literal_column, or_, select
from sqlmodel import col

from blocks.budgets.amounts import KINDS, UNIT
from blocks.records.budget_tables import BudgetAccount
from blocks.records.limits import KINDS as LIMITED
from blocks.records.notice_tables import Delivery as NoticeDelivery
from blocks.records.step_tables import AgentStep
from blocks.records.tables import (
    FINAL_NODE_STATES,
    FINAL_PROJECT_STATES,
    Approval,
    ApprovalState,
    Attempt,
    Holder,
    NodeRecord,
    NodeState,
    PlaceRequest,
    Project,
    ProjectState,
)
from blocks.records.trigger_tables import Delivery as TriggerDelivery
from blocks.records.trigger_tables import Happening

HOUR = literal(timedelta(hours=1))
SETTLING = literal(timedelta(seconds=15))
"""How long a project may be without a driver before it counts as left alone."""
IN_LINE = literal(timedelta(seconds=5))
"""Who waits for a place asks again and again; one that has not done so for this long is gone."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One thing that is counted: a query whose rows are the values of the labels, and the number."""

    name: str
    text: str
    query: Select[Any]
    labels: tuple[str, ...] = ()
    zeros: Iterable[str] = ()
    """Values of the label that are shown as 0 where there are none: a series that comes and goes misleads."""
    only_grows: bool = False


def _age(moment: Any) -> Any:
    """The seconds since the earliest of these moments, 0 when there is none."""
    return func.coalesce(func.extract("epoch", func.now() - func.min(moment)), 0)


_live_project = col(Project.state).not_in(FINAL_PROJECT_STATES)
_alive = and_(col(Holder.lost).is_(None), col(Holder.expires_at) > func.now())
_of_tenant = and_(col(BudgetAccount.project) == "", col(BudgetAccount.node) == "")
_lately = and_(
    or_(col(Project.ended_at).is_(None), col(Project.ended_at) > func.now() - HOUR),
    col(Attempt.ended_at) > func.now() - HOUR,
)
_used = cast(col(BudgetAccount.spent) + col(BudgetAccount.reserved), Float)


def _number(name: str) -> Any:
    return func.coalesce(cast(col(AgentStep.used)[name].astext, Float), 0)


_model = func.coalesce(col(AgentStep.used)["model"].astext, col(AgentStep.name))
_asked_lately = (col(AgentStep.kind) == "model", col(AgentStep.at) > func.now() - HOUR)

FIGURES = (
    Figure(
        name="soma_projects",
        text="Projects by state.",
        labels=("state",),
        zeros=get_args(ProjectState),
        query=select(col(Project.state), func.count()).group_by(col(Project.state)),
    ),
    Figure(
        name="soma_projects_undriven",
        text="Running projects without a living driver for longer than it takes to give them one.",
        query=select(func.count())
        .select_from(Project)
        .outerjoin(Holder, and_(col(Holder.id) == col(Project.holder), _alive))
        .where(
            col(Project.state) == "running",
            col(Holder.id).is_(None),
            col(Project.launched_at) < func.now() - SETTLING,
        ),
    ),
    Figure(
        name="soma_nodes",
        text="Nodes of the projects that have not ended, by state.",
        labels=("state",),
        zeros=sorted(set(get_args(NodeState)) - FINAL_NODE_STATES),
        query=select(col(NodeRecord.state), func.count())
        .join(Project, col(Project.id) == col(NodeRecord.project))
        .where(_live_project)
        .group_by(col(NodeRecord.state)),
    ),
    Figure(
        name="soma_attempts",
        text="Attempts that are queued or at work, by where they run.",
        labels=("runtime", "state"),
        query=select(col(Attempt.runtime), col(Attempt.state), func.count())
        .where(col(Attempt.state).in_(("queued", "running")))
        .group_by(col(Attempt.runtime), col(Attempt.state)),
    ),
    Figure(
        name="soma_queue_oldest_seconds",
        text="How long the attempt that has waited longest for a worker has waited.",
        query=select(_age(col(Attempt.created_at))).where(col(Attempt.state) == "queued"),
    ),
    Figure(
        name="soma_attempts_last_hour",
        text="Attempts that ended within the last hour, by capsule and by how they ended.",
        labels=("capsule", "state"),
        query=select(col(NodeRecord.capsule), col(Attempt.state), func.count())
        .select_from(Attempt)
        .join(Project, col(Project.id) == col(Attempt.project))
        .join(
            NodeRecord,
            and_(col(NodeRecord.project) == col(Attempt.project), col(NodeRecord.node) == col(Attempt.node)),
        )
        .where(_lately)
        .group_by(col(NodeRecord.capsule), col(Attempt.state)),
    ),
    Figure(
        name="soma_approvals_pending",
        text="Approvals that wait for a person.",
        query=select(func.count()).select_from(Approval).where(col(Approval.state) == "pending"),
    ),
    Figure(
        name="soma_approval_oldest_seconds",
        text="How long the approval that has waited longest has waited.",
        query=select(_age(col(Approval.requested_at))).where(col(Approval.state) == "pending"),
    ),
    Figure(
        name="soma_approvals_answered",
        text="Approvals that wait no more, by what became of them.",
        labels=("state",),
        zeros=sorted(set(get_args(ApprovalState)) - {"pending"}),
        only_grows=True,
        query=select(col(Approval.state), func.count())
        .where(col(Approval.state) != "pending")
        .group_by(col(Approval.state)),
    ),
    Figure(
        name="soma_budget_used",
        text="What was used up of all budgets together: tokens, money, tool calls, seconds.",
        labels=("kind",),
        zeros=KINDS,
        only_grows=True,
        query=select(col(BudgetAccount.kind), func.sum(col(BudgetAccount.spent)) / UNIT)
        .where(_of_tenant)
        .group_by(col(BudgetAccount.kind)),
    ),
    Figure(
        name="soma_budget_fullest_ratio",
        text="Of the tenants' limited budgets, the share that is used up of the fullest one.",
        labels=("kind",),
        zeros=KINDS,
        query=select(
            col(BudgetAccount.kind),
            func.max(case((col(BudgetAccount.most) > 0, _used / col(BudgetAccount.most)), else_=1.0)),
        )
        .where(_of_tenant, col(BudgetAccount.most).is_not(None))
        .group_by(col(BudgetAccount.kind)),
    ),
    Figure(
        name="soma_model_requests_last_hour",
        text="Answers of models to agents within the last hour, by model.",
        labels=("model",),
        query=select(_model, func.count()).where(*_asked_lately).group_by(literal_column("1")),
    ),
    Figure(
        name="soma_model_tokens_last_hour",
        text="Tokens that agents took within the last hour, read and written, by model.",
        labels=("model",),
        query=select(_model, func.sum(_number("input_tokens") + _number("output_tokens")))
        .where(*_asked_lately)
        .group_by(literal_column("1")),
    ),
    Figure(
        name="soma_model_money_last_hour",
        text="What models cost within the last hour, as far as their prices are known.",
        labels=("model",),
        query=select(_model, func.sum(_number("money"))).where(*_asked_lately).group_by(literal_column("1")),
    ),
    Figure(
        name="soma_limit_waiting",
        text="Projects that wait for a place of a concurrency limit, by what is limited.",
        labels=("kind",),
        zeros=LIMITED,
        query=select(func.split_part(col(PlaceRequest.name), ":", literal(1, Integer)), func.count())
        .where(col(PlaceRequest.seen_at) > func.now() - IN_LINE)
        .group_by(literal_column("1")),
    ),
    Figure(
        name="soma_holders",
        text="Processes that hold work under a lease, by kind.",
        labels=("kind",),
        zeros=("driver", "run"),
        query=select(col(Holder.kind), func.count()).where(_alive).group_by(col(Holder.kind)),
    ),
    Figure(
        name="soma_leases_overdue",
        text="Processes whose lease has run out and that nobody has declared dead yet.",
        query=select(func.count())
        .select_from(Holder)
        .where(col(Holder.lost).is_(None), col(Holder.expires_at) < func.now()),
    ),
    Figure(
        name="soma_trigger_deliveries_waiting",
        text="Events that are to start a project and have not yet.",
        query=select(func.count())
        .select_from(TriggerDelivery)
        .where(col(TriggerDelivery.state) == "received"),
    ),
    Figure(
        name="soma_notices_waiting",
        text="Messages to people that are still to be sent.",
        query=select(func.count()).select_from(NoticeDelivery).where(col(NoticeDelivery.state) == "pending"),
    ),
    Figure(
        name="soma_happenings_waiting",
        text="Happenings that triggers or Prefect are still to be told.",
        query=select(func.count()).select_from(Happening),
    ),
)

"""What happened to one node: its attempts, what was decided in it, and what people wanted of it."""

from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import NotFound
from blocks.records.audit_tables import AuditRecord
from blocks.records.database import Database
from blocks.records.tables import Approval, Attempt, NodeRecord, Project

MOST = 100
"""Decisions and attempts that are read, the newest ones."""
NAMED = 20


@dataclass(frozen=True, kw_only=True)
class NodeHistory:
    """One node as it stands, with what led there."""

    project: Project
    line: NodeRecord
    attempts: list[Attempt]
    """The newest first."""
    approvals: list[Approval]
    """Those of its present generation, oldest first."""
    decisions: list[AuditRecord]
    """The newest first."""
    outcomes: dict[str, AuditRecord]
    """By the decision that they belong to."""


async def read_node(database: Database, project: str, node: str, *, tenant: str) -> NodeHistory:
    """The node, or `NotFound`, also when the project is another tenant's."""
    async with database.session() as session:
        found = await session.get(Project, project)
        if found is None or found.tenant != tenant:
            raise NotFound(f"there is no project {project!r}; `soma status` lists them")
        line = await session.get(NodeRecord, (project, node))
        if line is None:
            raise NotFound(f"the project has no node {node!r}; it has {await _names(session, project)}")
        decisions = await _decisions(session, tenant, line)
        return NodeHistory(
            project=found,
            line=line,
            attempts=await _attempts(session, line),
            approvals=await _approvals(session, line),
            decisions=decisions,
            outcomes=await _outcomes(session, tenant, decisions),
        )


async def _names(session: AsyncSession, project: str) -> str:
    query = select(NodeRecord.node).where(NodeRecord.project == project)
    return ", ".join(await session.exec(query.order_by(col(NodeRecord.position)).limit(NAMED)))


async def _attempts(session: AsyncSession, line: NodeRecord) -> list[Attempt]:
    query = select(Attempt).where(Attempt.project == line.project, Attempt.node == line.node)
    return list(await session.exec(query.order_by(col(Attempt.number).desc()).limit(MOST)))


async def _approvals(session: AsyncSession, line: NodeRecord) -> list[Approval]:
    query = select(Approval).where(
        Approval.project == line.project, Approval.node == line.node, Approval.generation == line.generation
    )
    return list(await session.exec(query.order_by(col(Approval.requested_at))))


async def _decisions(session: AsyncSession, tenant: str, line: NodeRecord) -> list[AuditRecord]:
    query = select(AuditRecord).where(
        AuditRecord.tenant == tenant,
        AuditRecord.project == line.project,
        AuditRecord.node == line.node,
        AuditRecord.kind == "decision",
    )
    return list(await session.exec(query.order_by(col(AuditRecord.sequence).desc()).limit(MOST)))


async def _outcomes(
    session: AsyncSession, tenant: str, decisions: list[AuditRecord]
) -> dict[str, AuditRecord]:
    query = select(AuditRecord).where(
        AuditRecord.tenant == tenant,
        AuditRecord.kind == "outcome",
        col(AuditRecord.decision).in_([record.id for record in decisions]),
    )
    return {str(record.decision): record for record in await session.exec(query)}

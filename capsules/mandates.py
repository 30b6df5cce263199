"""As whom a node's capsule acts, and how far that goes."""

from blocks.identity import Mandate, Principal
from blocks.records.tables import Attempt, Project
from capsules.node import PlanNode


def principal_of(project: Project, node: PlanNode) -> Principal:
    """As whom the node's capsule acts: itself, for the one who asked for the project."""
    return Principal(
        tenant=project.tenant,
        name=f"{node.capsule}@{project.id}",
        kind="agent",
        on_behalf_of=project.requested_by,
    )


def mandate_of(node: PlanNode, found: Attempt) -> Mandate:
    """For what the attempt acts at the gateway, and how far it may go there."""
    return Mandate(
        attempt=found.id,
        project=found.project,
        node=found.node,
        number=found.number,
        generation=found.generation,
        memory=frozenset(node.authority.memory),
    )

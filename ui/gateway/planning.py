"""From a blueprint and answers to a project that is not recorded yet."""

from typing import Any

from blocks.identity import Principal
from blocks.records.tables import Project, new_id
from capsules.blueprint import Blueprint
from capsules.plan import Plan


def planned(
    blueprint: Blueprint,
    answers: dict[str, Any],
    principal: Principal,
    *,
    title: str | None = None,
    project: str | None = None,
) -> tuple[Project, Plan]:
    """The project and its plan; `BadInput` names each answer that is wrong or missing."""
    complete = blueprint.complete(answers)
    plan = blueprint.plan(complete)
    made = Project(
        id=project or new_id("prj"),
        tenant=principal.tenant,
        title=title or blueprint.title,
        blueprint=blueprint.name,
        inputs=complete,
        plan=plan.model_dump(mode="json"),
        plan_digest=plan.digest,
        requested_by=principal.name,
    )
    return made, plan

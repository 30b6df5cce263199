"""The hub's events as Prefect keeps them, so that its automations and its event feed can tell of projects.

`soma.project.STATE` for every state that a project comes into, `soma.memory.kept` for a memory. They carry no
inputs, no reasons and no texts: whoever reads Prefect's events need not be let into those.
"""

from typing import Any
from uuid import UUID, uuid5

from blocks.records.tables import Project
from blocks.records.trigger_tables import Happening
from blocks.triggers.origins import depth_of

_IDS = UUID("6f0c1f1e-6d3c-4c8b-9f5b-0d7a54c1a9d2")


def event_of(happening: Happening, project: Project | None) -> dict[str, Any]:
    """The event to send; the same happening is always the same event."""
    what = _of_project(happening, project) if project is not None else _of_memory(happening)
    return {
        "id": str(uuid5(_IDS, f"{happening.kind} {happening.id} {happening.subject} {happening.at}")),
        "occurred": happening.at.isoformat(),
        **what,
    }


def _of_project(happening: Happening, project: Project) -> dict[str, Any]:
    state = str(happening.data.get("state"))
    named = {"blueprint": project.blueprint, "tenant": project.tenant, "state": state}
    run = [
        {"prefect.resource.id": f"prefect.flow-run.{project.driver_run}", "prefect.resource.role": "flow-run"}
    ]
    return {
        "event": f"soma.project.{state.replace('_', '-')}",
        "resource": {
            "prefect.resource.id": f"soma.project.{project.id}",
            "prefect.resource.name": project.title,
            **{f"soma.{name}": value for name, value in named.items()},
        },
        "related": run if project.driver_run else [],
        "payload": {"project": project.id, "depth": depth_of(project.origin), **named},
    }


def _of_memory(happening: Happening) -> dict[str, Any]:
    scope, project = str(happening.data.get("scope")), happening.data.get("project")
    return {
        "event": "soma.memory.kept",
        "resource": {
            "prefect.resource.id": f"soma.memory.{happening.subject}",
            "soma.tenant": happening.tenant or "",
            "soma.scope": scope,
        },
        "payload": {"memory": happening.subject, "scope": scope, "project": project},
    }

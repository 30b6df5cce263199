"""What a plan needs that this hub does not have: said before anybody launches it."""

import asyncio
from collections.abc import Mapping

from blocks.errors import NotFound, Unavailable
from blocks.models.endpoints import endpoints, missing_model
from blocks.settings import Settings
from capsules.catalogue import find_capsule
from capsules.plan import Plan

PATIENCE = 5.0
"""Seconds; somebody waits for the preview."""


async def what_lacks(settings: Settings, tenant: str, plan: Plan) -> list[str]:
    """A sentence for each model that agents of the plan ask for and that is not configured."""
    wanted = agents_of(plan)
    if not wanted:
        return []
    try:
        known = await asyncio.wait_for(endpoints(settings, tenant), PATIENCE)
    except (Unavailable, TimeoutError):
        return ["whether models are configured cannot be said now: Prefect does not answer"]
    lacking = []
    for alias, titles in wanted.items():
        if not any(place.models(alias) for place in known):
            error = missing_model(alias, known)
            lacking.append(f"{error.message} ({', '.join(titles)}); {error.fields['mend']}")
    return lacking


def agents_of(plan: Plan) -> Mapping[str, list[str]]:
    """The titles of the nodes that are agents, by the alias of the model that they ask for."""
    found: dict[str, list[str]] = {}
    for node in plan.nodes:
        try:
            part = find_capsule(node.capsule).manifest.agent
        except NotFound:
            continue
        if part is not None:
            found.setdefault(part.model, []).append(node.title)
    return found

"""What goes on while things are killed: projects are launched, questions answered, memories kept."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from hub import ChaosHub
from load import KINDS, Kind
from sqlmodel import col, select

from blocks.errors import Unavailable
from blocks.records import projects
from blocks.records.tables import FINAL_PROJECT_STATES, Project
from blocks.records.tenants import ensure_tenant


@dataclass
class Traffic:
    """The running load, and what was acknowledged of it."""

    hub: ChaosHub
    chance: random.Random
    at_once: int = 5
    """Projects at work at any time."""
    projects: dict[str, Kind] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    launches: set[asyncio.Task[bool]] = field(default_factory=set)
    """Those that the gateway has not taken yet."""
    answered: set[str] = field(default_factory=set)
    kept: dict[str, str] = field(default_factory=dict)
    """Values that the gateway acknowledged, by key."""
    remembered: dict[str, str] = field(default_factory=dict)
    """Texts that the gateway acknowledged, by the id of their memory."""

    async def launch_one(self) -> None:
        """Plan and launch the next project; each kind comes in turn."""
        kind = KINDS[len(self.projects) % len(KINDS)]
        plan = kind.plan(f"p{len(self.projects)}")
        try:
            await ensure_tenant(self.hub.database, self.hub.settings.tenant)
            project = await projects.create_project(
                self.hub.database,
                tenant=self.hub.settings.tenant,
                title=f"{kind.name} {len(self.projects)}",
                blueprint="chaos",
                inputs={},
                plan=plan.model_dump(mode="json"),
                plan_digest=plan.digest,
                nodes=plan.lines(),
                requested_by="chaos",
            )
        except Unavailable:
            return
        self.projects[project.id] = kind
        launch = asyncio.create_task(self.hub.until(lambda: self._launched(project.id), 600))
        self.launches.add(launch)
        launch.add_done_callback(self.launches.discard)

    async def _launched(self, project: str) -> bool:
        answer = await self.hub.call("POST", f"/v1/projects/{project}/launch")
        return answer is not None and answer.status_code in {202, 409}

    async def look(self) -> int:
        """See which projects have ended; how many have not."""
        try:
            async with self.hub.database.session() as session:
                query = select(Project.id).where(col(Project.state).in_(FINAL_PROJECT_STATES))
                self.ended = set(await session.exec(query)) & set(self.projects)
        except Unavailable:
            pass
        return len(self.projects) - len(self.ended)

    async def answer_questions(self) -> None:
        """Approve whatever waits; a second answer is refused, which does no harm."""
        answer = await self.hub.call("GET", "/v1/approvals?state=pending")
        for asked in answer.json() if answer is not None and answer.is_success else []:
            said = await self.hub.call("POST", f"/v1/approvals/{asked['id']}", {"verdict": "approve"})
            if said is not None and said.is_success:
                self.answered.add(asked["id"])

    async def keep_memories(self) -> None:
        """Write down one value and one memory, and what was acknowledged of them."""
        number = len(self.kept) + len(self.remembered)
        key, value = f"chaos-{number}", f"value {self.chance.random()}"
        answer = await self.hub.call("PUT", f"/v1/memory/kv/tenant/{key}", {"value": value})
        if answer is not None and answer.is_success:
            self.kept[key] = value
        text = f"memory number {number} says {self.chance.randrange(10**12)}"
        body: dict[str, Any] = {"scope": "tenant", "items": [{"text": text}]}
        answer = await self.hub.call("POST", "/v1/memory", body)
        if answer is not None and answer.is_success:
            self.remembered[answer.json()["ids"][0]] = text

    async def flow(self, stop: asyncio.Event) -> None:
        """Keep the load up until told to stop, then see all projects to their ends."""
        while not stop.is_set() or await self.look():
            missing = self.at_once - await self.look()
            if not stop.is_set():
                for _ in range(missing):
                    await self.launch_one()
            await self.answer_questions()
            if not stop.is_set():
                await self.keep_memories()
            await asyncio.sleep(0.5)

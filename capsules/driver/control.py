"""Control: how a driver learns what people want of its project, from its record and its runs in Prefect."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.driver_runs import Drivers
from blocks.errors import Unavailable
from blocks.records.control import cancel_if_overdue, noticed_in_prefect
from blocks.records.database import Database
from blocks.records.obeying import Wanted, wanted
from blocks.records.tables import Project
from capsules.driver.work import CANCELLED

RECORD = 0.5
"""Seconds between looks at the project's record."""
PREFECT = 2.0
"""Seconds between looks at the runs in Prefect."""
TOUCHED = ["CANCELLING", "CANCELLED", "PAUSED"]
"""The types of states that people give to runs in Prefect."""
HEEDED = 15.0
"""Seconds after which a run that is being cancelled counts as cancelled, whatever its worker does."""


@dataclass(frozen=True, kw_only=True)
class News:
    """What a look has found that was not known before."""

    changed: bool = False
    """Whether somebody has wanted something: the ledger may be another one."""
    cancelled: Mapping[str, str] = field(default_factory=dict)
    """The flow runs of nodes that were cancelled in Prefect, each with how."""


class Hand:
    """The hand of people on one project, as its driver feels it."""

    def __init__(self, database: Database, project: Project, prefect: Drivers, run: str | None) -> None:
        self._database = database
        self._project = project
        self._prefect = prefect
        self._run = run
        """The driver's own flow run."""
        self._read_at = self._asked_at = float("-inf")
        self._paused: set[str] = set()
        """The runs that are paused in Prefect."""
        self._cancelling: dict[str, float] = {}
        """Since when runs of nodes are being cancelled there."""
        self.wanted: Wanted | None = None

    @property
    def want(self) -> str:
        """What is wanted: `run`, `pause` or `cancel`."""
        return self._project.control

    @property
    def words(self) -> str:
        """Who wants it and why, as a reason."""
        return self.wanted.words if self.wanted is not None else self.want

    async def look(self, nodes: Mapping[str, str]) -> News:
        """Look for what is new; `nodes` are the flow runs that are at work, each with its node's name."""
        cancelled: dict[str, str] = {}
        if self.want != "cancel" and time.monotonic() - self._asked_at >= PREFECT:
            cancelled = await self._look_at_prefect(nodes)
            self._asked_at = time.monotonic()
        if time.monotonic() - self._read_at < RECORD and not cancelled:
            return News(cancelled=cancelled)
        return News(changed=await self._read(), cancelled=cancelled)

    def doubt(self) -> None:
        """Look at the record at the next turn: something in it was not expected."""
        self._read_at = float("-inf")

    async def _read(self) -> bool:
        found = await wanted(self._database, self._project.id)
        if found.overdue:
            await cancel_if_overdue(self._database, self._project.id)
            found = await wanted(self._database, self._project.id)
        self._read_at = time.monotonic()
        changed = found.at != self._project.control_at
        self.wanted = found
        self._project.control, self._project.control_at = found.control, found.at
        return changed

    async def _look_at_prefect(self, nodes: Mapping[str, str]) -> dict[str, str]:
        ids = [run for run in (self._run, *nodes) if run]
        try:
            touched = {str(run["id"]): run for run in await self._touched(ids)}
        except Unavailable:
            return {}  # it is away; the next look may tell
        if self._run is not None and (own := touched.get(self._run)) is not None:
            await self._heed_own(own["state_type"])
        await self._heed_pauses(touched, nodes)
        return self._cancelled(touched, nodes)

    async def _touched(self, ids: list[str]) -> list[dict[str, Any]]:
        if not ids:
            return []
        wanted_runs = {"id": {"any_": ids}, "state": {"type": {"any_": TOUCHED}}}
        return await self._prefect.read("flow_runs/filter", {"flow_runs": wanted_runs, "limit": len(ids)})

    async def _heed_own(self, state: str) -> None:
        if state in {"CANCELLING", "CANCELLED"}:
            await self._notice(state, "its driver's run")

    async def _heed_pauses(self, touched: Mapping[str, dict[str, Any]], nodes: Mapping[str, str]) -> None:
        """A run that is paused pauses the project; none that still is lets it go on."""
        paused = {run for run, shown in touched.items() if shown["state_type"] == "PAUSED"}
        for run in paused - self._paused:
            await self._notice("PAUSED", f"the run of {nodes[run]}" if run in nodes else "its driver's run")
        if self._paused and not paused and self.wanted is not None and self.wanted.by == "prefect":
            await self._notice("RUNNING", "what had been paused")
        self._paused = paused

    async def _notice(self, state: str, what: str) -> None:
        if await noticed_in_prefect(self._database, self._project.id, state, what=what):
            self.doubt()

    def _cancelled(self, touched: Mapping[str, dict[str, Any]], nodes: Mapping[str, str]) -> dict[str, str]:
        """The runs of nodes that were cancelled, or that should have been by now."""
        gone = {run for run in nodes if run in touched and touched[run]["state_type"] == "CANCELLED"}
        cancelling = {run for run in nodes if run in touched and touched[run]["state_type"] == "CANCELLING"}
        now = time.monotonic()
        self._cancelling = {run: self._cancelling.get(run, now) for run in cancelling}
        late = {run for run, since in self._cancelling.items() if now - since > HEEDED}
        return dict.fromkeys(gone | late, CANCELLED)

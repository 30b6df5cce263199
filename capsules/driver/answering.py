"""Answering a question by a run in Prefect that was resumed with input."""

import logging
from typing import Any

from prefect.client.schemas import State
from prefect.context import FlowRunContext
from prefect.input import read_flow_run_input
from prefect.states import Cancelled, Completed

from blocks.driver_runs import Drivers
from blocks.errors import SomaError, Unavailable
from blocks.identity import Principal
from blocks.questions.prefect_form import KEYSET
from blocks.records.approvals import decide_approval, get_approval
from blocks.records.tables import Approval
from capsules.environment import Environment, environment

NOBODY = "prefect"
"""Whose answer it is: Prefect does not tell the hub who resumed a run."""
logger = logging.getLogger(__name__)


async def answer_in_prefect(approval: str, digest: str) -> State:
    """Record the answer that this run was resumed with; the state says what came of it."""
    said = await _input()
    if said is None:
        return Cancelled(name="NotAnswered", message="It was not resumed with an answer; nothing happened.")
    async with environment() as opened:
        try:
            decided = await _decide(opened, approval, digest, said)
        except SomaError as error:
            mend = f"; answer with `soma approve {approval}`" if error.status == Refused.status else ""
            # Not Failed: Prefect does not count the start of a resumed run, and would try it once more.
            return Cancelled(name="Refused", message=f"{error.message}{mend}")
        if decided.state != "pending":
            await _set_going(opened, decided)
    missing = "; it waits for others too" if decided.state == "pending" else ""
    return Completed(name="Answered", message=f"The answer is taken: {said['verdict']}{missing}.")


class Refused(SomaError):
    """This run is not the one that asks."""

    status = 403


async def _decide(opened: Environment, approval: str, digest: str, said: dict[str, Any]) -> Approval:
    found = await get_approval(opened.database, approval)
    if found.run != _own_run():
        raise Refused(f"this run was not made for approval {approval!r}")
    return await decide_approval(
        opened.database,
        approval,
        by=Principal(tenant=found.tenant, name=NOBODY, kind="service", roles=frozenset({"approver"})),
        verdict=said["verdict"],
        comment=str(said.get("comment") or ""),
        arguments=said.get("arguments"),
        digest=digest,
        via="prefect",
    )


async def _set_going(opened: Environment, decided: Approval) -> None:
    """Let the project go on at once; the hub's upkeep does it soon where this fails."""
    drivers = Drivers(opened.settings.prefect_api_url)
    try:
        await drivers.start(decided.project, decided.id)
    except Unavailable as error:
        logger.warning("the driver of %s was not started: %s", decided.project, error.message)
    finally:
        await drivers.close()


async def _input() -> dict[str, Any] | None:
    found = await read_flow_run_input(KEYSET["response"])
    return found if isinstance(found, dict) and "verdict" in found else None


def _own_run() -> str | None:
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context is not None and context.flow_run is not None else None

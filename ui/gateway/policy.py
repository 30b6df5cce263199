"""What would a constitution say to this? Asked dry: nothing is recorded, nothing is done."""

from fastapi import APIRouter

from blocks.constitution.describing import described
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.gateway.reading import apart, meant
from ui.verdicts import answered
from ui.wire_constitutions import Answered, Question

router = APIRouter(prefix="/v1/policy", tags=["constitutions"])


@router.post("/evaluate")
async def evaluate(question: Question, hub: CurrentHub, principal: CurrentPrincipal) -> Answered:
    """The verdict of the constitution in force, or of another, on a described action.

    Facts that are not given have a harmless background: the user `ada`, outside of any project.
    """
    action = described(question.stage, question.action, question.facts)
    constitution = await meant(hub, principal.tenant, ref=question.ref, text=question.text)
    return await apart(lambda: answered(constitution, action, explained=question.explain))

"""The flow by which a question is answered in Prefect's UI."""

from prefect import flow
from prefect.client.schemas import State

from capsules.driver.answering import answer_in_prefect


@flow(name="approval", retries=0)
async def approval(approval_id: str, digest: str) -> State:
    """Take the answer that the paused run was resumed with; it holds no process until then.

    `digest` is what the form was about. The answer counts as nobody's in particular.
    """
    return await answer_in_prefect(approval_id, digest)

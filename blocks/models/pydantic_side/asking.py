"""One request to one model: streamed, tried again within bounds, its failures said in a sentence."""

import asyncio
import logging
import random

import httpx2
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
)
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from blocks.constitution.detectors.secrets import redacted
from blocks.errors import SomaError
from blocks.models.asked import ModelDown, ModelRefused
from blocks.models.endpoints import Candidate
from blocks.models.pydantic_side.building import handle, http_client

LONGEST = 10
"""How many times its patience with silence an endpoint may take for a whole answer."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
MOST_ASKED = 120.0
"""Seconds; a provider that asks to wait longer is taken for one that does not answer."""
PASSING = (
    ModelRateLimitError,
    ModelUnavailableError,
    ModelServerError,
    ModelConnectionError,
    UnexpectedModelBehavior,
    httpx2.HTTPError,
    TimeoutError,
)
logger = logging.getLogger("soma.models")


async def ask_model(
    candidate: Candidate,
    messages: list[ModelMessage],
    parameters: ModelRequestParameters,
    settings: ModelSettings,
) -> ModelResponse:
    """The model's whole answer; `ModelDown` when it gave none, `ModelRefused` when asking again is no use."""
    given: ModelSettings = {**settings, "max_retries": 0}
    for number in range(1, candidate.endpoint.tries + 1):
        async with http_client(candidate) as http:
            try:
                async with asyncio.timeout(candidate.endpoint.timeout * LONGEST):
                    return await _whole(handle(candidate, http), messages, parameters, given)
            except PASSING as error:
                pause = _pause(error, number)
                if number == candidate.endpoint.tries or pause is None:
                    raise _told(candidate, error) from None
                logger.warning("%s, attempt %d: %s", candidate, number, type(error).__name__)
            except ModelAPIError as error:
                raise _told(candidate, error) from None
        await asyncio.sleep(pause)
    raise ModelDown(f"{candidate} was not asked")


async def _whole(
    model: Model,
    messages: list[ModelMessage],
    parameters: ModelRequestParameters,
    settings: ModelSettings,
) -> ModelResponse:
    """The answer when all of it has arrived: what is decided about must not be handed out in parts."""
    async with model.request_stream(messages, settings, parameters) as stream:
        async for _ in stream:
            pass
        found = stream.get()
    if not found.parts:
        raise UnexpectedModelBehavior("the answer is empty")
    return found


def _pause(error: Exception, number: int) -> float | None:
    """Seconds until it is asked again; None when it asks for more than anybody waits."""
    asked = error.retry_after if isinstance(error, ModelAPIError) else None
    if asked is not None and asked > MOST_ASKED:
        return None
    grown = min(FIRST_PAUSE * 2.0 ** (number - 1), LONGEST_PAUSE)
    return max(float(asked or 0), grown * random.uniform(0.5, 1))  # noqa: S311  # spreads tries, guards nothing


def _told(candidate: Candidate, error: Exception) -> SomaError:
    """The failure for the reader, without what may hold a key."""
    said = redacted(f"{type(error).__name__}: {error}")[:300]
    status = f"status {error.status_code}" if isinstance(error, ModelHTTPError) else type(error).__name__
    mend = f"look at `soma models check {candidate.endpoint.name}`"
    if isinstance(error, ModelAuthenticationError):
        return ModelRefused(
            f"{candidate} does not take the key ({status})",
            mend=f"give it another: `soma models set {candidate.endpoint.name} --key-file FILE`",
        )
    if isinstance(error, ModelNotFoundError):
        return ModelRefused(f"{candidate} is not known to its provider ({status})", mend=mend)
    if isinstance(error, ModelQuotaExceededError):
        return ModelRefused(f"the account of {candidate} is used up ({status})", mend="top it up, or wait")
    if isinstance(error, PASSING):
        return ModelDown(f"{candidate} does not answer as it should: {said}", mend=mend)
    return ModelRefused(f"{candidate} does not take the request: {said}", mend=mend)

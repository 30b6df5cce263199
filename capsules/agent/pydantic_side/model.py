"""The model of an agent: every request is looked up in the notebook, else asked as a governed task."""

from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from blocks.models.endpoints import Candidate
from blocks.models.pydantic_side.conversing import asked_messages, plain_parameters, response_of
from capsules.agent.notebook import Notebook
from tasks.model_request import Asked, ask


class GovernedModel(WrapperModel):
    """A chain of models behind an alias; of the model that it wraps, only the manners are used."""

    def __init__(self, alias: str, chain: list[Candidate], shape: Model, notebook: Notebook) -> None:
        super().__init__(shape)
        self._alias = alias
        self._chain = chain
        self._notebook = notebook

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """The answer to this conversation, asked for once however often the node's run dies."""
        asked = Asked(
            alias=self._alias,
            messages=asked_messages(messages),
            parameters=plain_parameters(model_request_parameters),
            settings=dict(model_settings or {}),
        )
        question: dict[str, Any] = {
            "messages": asked.messages,
            "parameters": asked.parameters,
            "settings": asked.settings,
        }
        answer, _ = await self._notebook.once("model", self._alias, question, lambda: ask(asked, self._chain))
        return response_of(answer["message"])

"""The tools of an agent: each call is looked up in the notebook, else made as a governed task."""

import time
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ModelRetry, ToolFailed
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from blocks.context import current
from blocks.errors import ApprovalNeeded, BadInput, PolicyDenied, SomaError, StaleAttempt
from blocks.plain import plain
from capsules.agent.notebook import Document, Notebook
from capsules.agent.offered import Offered

TRIES = 3
"""How often the model may mend the arguments of one tool before the node fails."""
REFUSED = (
    "REFUSED: {said}. Do not try to reach the same in another way; go on without it, and say in your output "
    "what you could not do."
)
ANY_MAP = SchemaValidator(
    core_schema.dict_schema(keys_schema=core_schema.str_schema(), values_schema=core_schema.any_schema())
)


class GovernedTools(AbstractToolset[None]):
    """The tools that the node was planned with; called one at a time, in the order of the model's answer."""

    def __init__(self, tools: list[Offered], notebook: Notebook) -> None:
        self._tools = {tool.wire_name: tool for tool in tools}
        self._notebook = notebook

    @property
    def id(self) -> str:
        return "soma"

    async def get_tools(self, ctx: RunContext[None]) -> dict[str, ToolsetTool[None]]:
        """Every tool, under its name on the wire."""
        return {name: self._described(name, tool) for name, tool in self._tools.items()}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]
    ) -> Any:
        """What the tool gives, or what the model is told instead; a question for people ends the run."""
        offered = self._tools[name]
        try:
            given = offered.check(tool_args)
        except BadInput as error:
            raise ModelRetry(error.message) from None
        document, before = await self._notebook.once(
            "tool", offered.name, given, lambda: _done(offered, given)
        )
        if before:
            _remember(offered, given, document)
        if "failed" in document:
            raise ToolFailed(document["failed"])
        return document["result"]

    def _described(self, name: str, tool: Offered) -> ToolsetTool[None]:
        definition = ToolDefinition(
            name=name,
            description=tool.description,
            parameters_json_schema=dict(tool.parameters),
            sequential=True,
        )
        return ToolsetTool(toolset=self, tool_def=definition, max_retries=TRIES, args_validator=ANY_MAP)


async def _done(offered: Offered, given: dict[str, Any]) -> Document:
    """Call the tool, and say what came of it: its result, or why there is none."""
    began = time.monotonic()
    try:
        result = await offered.call(**offered.arguments(given))
    except (ApprovalNeeded, StaleAttempt):
        raise
    except PolicyDenied as refusal:
        if refusal.fields.get("article") == "budget":
            raise  # every other call would meet the same
        return {"failed": REFUSED.format(said=refusal.message.rstrip("."))}
    except SomaError as error:
        mend = error.fields.get("mend")
        return {"failed": f"{error.message}; {mend}" if mend else error.message}
    seconds = round(time.monotonic() - began, 3)
    return {"result": plain(result), "taken": _taken(offered, given, result), "seconds": seconds}


def _taken(offered: Offered, given: dict[str, Any], result: Any) -> list[Any] | None:
    """The parts of a result with their labels, where they have labels of their own."""
    seal = offered.task.seal
    if not callable(seal.labels):
        return None
    arguments = _bound(offered, given)
    return [[plain(value), sorted(labels)] for value, labels in seal.taken(arguments, result)]


def _remember(offered: Offered, given: dict[str, Any], document: Document) -> None:
    """Know again what was called and taken in by a run that died since."""
    context = current()
    if context is None:
        return
    seal = offered.task.seal
    seal.key_of(_bound(offered, given), None)()  # the next equal call is another one
    if "result" in document:
        taken = document.get("taken")
        parts = [(document["result"], seal.labels)] if taken is None else taken
        for value, labels in parts:
            context.trail.take(value, labels, offered.name)


def _bound(offered: Offered, given: dict[str, Any]) -> dict[str, Any]:
    bound = offered.task.seal.signature.bind(**offered.arguments(given))
    bound.apply_defaults()
    return dict(bound.arguments)

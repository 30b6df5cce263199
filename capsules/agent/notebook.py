"""The notebook of an agent's run: what was asked of models and tools before, and what came of it.

A run that dies is followed by another one, which asks the same from the beginning: what stands in the
notebook is answered from there, so nothing that was finished is requested or done twice.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from blocks.context import RunContext, current
from blocks.errors import SomaError
from blocks.plain import digest
from blocks.records.step_tables import AgentStep
from blocks.records.steps import record_step, steps_of
from capsules.environment import Environment

Kind = Literal["model", "tool"]
Document = dict[str, Any]
USED = ("model", "access", "input_tokens", "output_tokens", "money", "seconds")


class Notebook:
    """The finished steps of one generation of a node; outside of a project it forgets them with the run."""

    def __init__(self, opened: Environment, context: RunContext, steps: list[AgentStep]) -> None:
        self._opened = opened
        self._context = context
        self._kept = {(step.key, step.number): step for step in steps}
        self._asked: Counter[str] = Counter()
        self._position = max((step.position for step in steps), default=0)

    @classmethod
    async def open(cls, opened: Environment) -> "Notebook":
        """The notebook of the node that is running."""
        context = current()
        if context is None:
            raise SomaError("an agent runs in a context: start it as a capsule")
        steps: list[AgentStep] = []
        if context.project is not None and context.node is not None:
            steps = await steps_of(opened.database, context.project, context.node, context.generation)
        return cls(opened, context, steps)

    async def once(
        self, kind: Kind, name: str, asked: Any, do: Callable[[], Awaitable[Document]]
    ) -> tuple[Document, bool]:
        """What came of this step, and whether it was done before; done now only if it was not.

        The same question asked again is another step. What raises has not finished, and is not kept.
        """
        key = digest([kind, name, asked])
        self._asked[key] += 1
        number = self._asked[key]
        if (step := self._kept.get((key, number))) is not None:
            found: Document = await self._opened.results.read(step.result)
            return found, True
        document = await do()
        await self._keep(kind, name, key, number, document)
        return document, False

    async def _keep(self, kind: Kind, name: str, key: str, number: int, document: Document) -> None:
        context = self._context
        if context.project is None or context.node is None:
            return
        self._position += 1
        step = AgentStep(
            project=context.project,
            node=context.node,
            generation=context.generation,
            key=key,
            number=number,
            position=self._position,
            kind=kind,
            name=name,
            attempt=context.attempt or 0,
            result=await self._opened.results.write(document),
            used=_used(document),
        )
        await context.audit.flush()  # what was decided about it is durable before anybody builds on it
        await record_step(self._opened.database, step)


def _used(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in USED if document.get(name) is not None}

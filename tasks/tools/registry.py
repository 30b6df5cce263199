"""The tools by the names that manifests and models use.

`await tool_named("files.read")` is one tool; `await tools_for(["files.*", "python.run"])` are all that fit.
A tool's `call` is a governed task that takes its arguments by name: it raises `PolicyDenied` and
`ApprovalNeeded` as every governed task does; `BadInput`, `NotFound` and `Conflict` say to whoever called it
what to do otherwise; `Unavailable` says that something it needs is not there.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from blocks.constitution.closeness import closest
from blocks.constitution.globs import like
from blocks.errors import NotFound
from blocks.toolbox.builtin import BUILTIN
from blocks.toolbox.described import Described
from tasks.tools.files import FILES
from tasks.tools.git import GIT
from tasks.tools.sandboxed import PROGRAMS

Call = Callable[..., Awaitable[Any]]

CALLS: Mapping[str, Call] = {**FILES, **PROGRAMS, **GIT}
"""The governed tasks of the tools that come with the hub."""


@dataclass(frozen=True, kw_only=True)
class Tool(Described):
    """A tool with the governed task that runs it; check the arguments of a model with `check` first."""

    call: Call


async def tool_named(name: str) -> Tool:
    """The tool of this name, or `NotFound`."""
    if name in CALLS:
        return _with_call(BUILTIN[name], CALLS[name])
    raise NotFound(f"there is no tool {name!r}{closest(name, CALLS)}", mend="`soma tools list` shows them")


async def tools_for(names: Iterable[str]) -> list[Tool]:
    """The tools that these names and globs (`files.*`) mean, each once; `NotFound` for a name of none."""
    found: dict[str, Tool] = {}
    for name in names:
        fitting = [known for known in CALLS if like(known, name)] or [name]
        for known in fitting:
            found.setdefault(known, await tool_named(known))
    return list(found.values())


def _with_call(described: Described, call: Call) -> Tool:
    given = {field.name: getattr(described, field.name) for field in fields(described)}
    return Tool(**given, call=call)

"""The hub's Prefect blocks by name, for `prefect block register -m blocks`; imported only when asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blocks.mcp.block import ToolServer as ToolServer
    from blocks.memory.block import Memory as Memory
    from blocks.models.access import ModelAccess as ModelAccess
    from blocks.notifications.block import NotificationRoute as NotificationRoute
    from blocks.web.block import WebAccess as WebAccess

BLOCKS = {
    "Memory": "blocks.memory.block",
    "ModelAccess": "blocks.models.access",
    "NotificationRoute": "blocks.notifications.block",
    "ToolServer": "blocks.mcp.block",
    "WebAccess": "blocks.web.block",
}


def __getattr__(name: str) -> Any:
    if name not in BLOCKS:
        raise AttributeError(f"module 'blocks' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  # only when asked for

    return getattr(import_module(BLOCKS[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *BLOCKS]

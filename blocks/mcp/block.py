"""An MCP server as a Prefect Block: how it is reached, and which of its tools have been accepted."""

import re
from typing import Any

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, field_validator, model_validator

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What Prefect lets a block be called; as a part of a tool's name it holds no dot."""


class ToolServer(Block):
    """An MCP server whose tools agents may be planned with as `mcp.NAME.TOOL`; NAME is the block's name."""

    _block_type_name = "SomaAgentHub Tool Server"
    _block_type_slug = "soma-tool-server"

    command: list[str] = Field(
        default=[],
        description="A program and its arguments that speaks MCP on its standard input and output. It runs "
        "in the sandbox: no network, no files but the system's and those of `folders`.",
    )
    url: str | None = Field(
        default=None, description="Or the address of a server that speaks MCP over (streamable) HTTP."
    )
    environment: dict[str, SecretStr] = Field(
        default={}, description="What the program finds in its environment; nobody else is given it."
    )
    headers: dict[str, SecretStr] = Field(
        default={}, description="What is sent along to the address, such as Authorization."
    )
    folders: list[str] = Field(default=[], description="Folders that the program can read.")
    workspace: bool = Field(
        default=False, description="Whether the program can read and write the project's workspace."
    )
    seconds: float = Field(default=60, gt=0, le=600, description="How long one call may take.")
    memory_mb: int = Field(default=1024, ge=64, description="The memory that the program may take.")
    pins: dict[str, str] = Field(
        default={},
        description="Tool -> digest of what the server told of it when it was accepted. Empty: what it tells "
        "at its first use is accepted. `soma tools accept NAME` accepts what has changed since.",
    )
    enabled: bool = Field(default=True, description="Whether its tools may be called.")

    @field_validator("folders")
    @classmethod
    def _are_absolute(cls, value: list[str]) -> list[str]:
        if wrong := [folder for folder in value if not folder.startswith("/")]:
            raise ValueError(f"{wrong[0]!r} is no absolute path")
        return value

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", value):
            raise ValueError("an address begins with https:// and holds no user and no password")
        return value or None

    @model_validator(mode="after")
    def _is_reached_one_way(self) -> Any:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either `command` or `url`")
        return self

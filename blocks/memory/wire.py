"""What the gateway and its clients say to each other about memory."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from blocks.memory.items import Draft, Hit, Mode


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Remembering(Message):
    scope: str
    items: list[Draft] = Field(min_length=1, max_length=256)


class Remembered(Message):
    ids: list[str]
    """In the order of the items; two items with one key are one memory and have one id."""


class Recalling(Message):
    query: str
    scopes: list[str] = []
    """None given: all that the tenant has."""
    labels: list[str] = []
    limit: int = Field(default=10, ge=1, le=100)
    mode: Mode = "fused"


class Recalled(Message):
    hits: list[Hit]


class Forgotten(Message):
    forgotten: int


class Keeping(Message):
    value: Any
    seconds: float | None = Field(default=None, description="How long it lives; for good unless given.")


class Kept(Message):
    value: Any

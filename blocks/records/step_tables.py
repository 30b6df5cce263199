"""The table of steps: what models answered and tools gave, so that an agent goes on where it was."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from blocks.records.tables import now


class AgentStep(SQLModel, table=True):
    """One finished step of an agent's node: an answer of a model, or what came of a tool."""

    __tablename__ = "agent_steps"
    __table_args__ = (
        Index("agent_steps_in_order", "project", "node", "generation", "position"),
        Index("agent_steps_by_time", "at"),
    )
    project: str = Field(foreign_key="projects.id", primary_key=True)
    node: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    """The node's: what is done anew begins without steps."""
    key: str = Field(primary_key=True)
    """SHA-256 over what was asked."""
    number: int = Field(primary_key=True)
    """The how-manieth time that exactly this was asked, from 1."""
    position: int
    """In which order the node's steps were finished, from 1."""
    kind: str
    """`model` or `tool`."""
    name: str
    """The alias of the model, or the name of the tool."""
    attempt: int
    """The number of the attempt that did it."""
    result: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    """Where the result lies: `{sha256, size}`; never the result itself."""
    used: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    """What it took, as far as is known: `{model, input_tokens, output_tokens, money, seconds}`."""
    at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)

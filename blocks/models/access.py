"""Access to models as a Prefect Block: where they answer, with which key, and under which aliases."""

from typing import Annotated, Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

Provider = Literal["openai", "anthropic", "ollama"]


class ModelAccess(Block):
    """A place where models answer; edited in Prefect's UI or by `soma models set`, used by agents."""

    _block_type_name = "SomaAgentHub Model Access"
    _block_type_slug = "soma-model-access"

    provider: Provider = Field(
        default="openai",
        description="How it is spoken to: openai (and whatever is compatible with it), anthropic, ollama.",
    )
    url: str | None = Field(
        default=None,
        description="Its base URL, such as http://127.0.0.1:11434/v1; the provider's own if empty.",
    )
    key: SecretStr | None = Field(default=None, description="The API key; none for servers that want none.")
    aliases: dict[str, list[str]] = Field(
        default={},
        description="The names by which agents ask, each with model names in the order in which they are "
        'tried: {"default": ["large", "small"]}; "*" stands for every other alias.',
    )
    tenant: str = Field(default="default", description="Whose agents may use it.")
    order: int = Field(default=0, description="Of several that have an alias, the lowest is asked first.")
    prices: dict[str, dict[Literal["input", "output"], Annotated[float, Field(ge=0)]]] = Field(
        default={},
        description='Money for a million tokens by model name: {"large": {"input": 3, "output": 15}}; the '
        "published prices of well-known models are known.",
    )
    timeout: float = Field(default=120, gt=0, le=3600, description="Seconds that it may be silent.")
    tries: int = Field(
        default=4, ge=1, le=10, description="How often it is asked when it is busy or does not answer."
    )
    enabled: bool = Field(default=True, description="Whether it is asked at all.")

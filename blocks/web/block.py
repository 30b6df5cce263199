"""What of the web agents may read, as a Prefect Block."""

from typing import Any

from prefect.blocks.core import Block
from pydantic import Field, field_validator

from blocks.errors import SomaError
from blocks.web.fetching import SECONDS
from blocks.web.rules import rules_of

NAME = "web"
"""The name of the block that `web.fetch` goes by; without it, the hub's settings hold."""


class WebAccess(Block):
    """The sites that `web.fetch` may ask; edited in Prefect's UI under the name `web`."""

    _block_type_name = "SomaAgentHub Web Access"
    _block_type_slug = "soma-web-access"

    allow: str = Field(
        default="",
        description="Sites with commas between them: docs.python.org, *.example.org, wiki.internal:8080.",
    )
    seconds: float = Field(default=SECONDS, gt=0, le=300, description="How long one page may take.")

    @field_validator("allow")
    @classmethod
    def _is_a_list(cls, value: Any) -> Any:
        try:
            rules_of(str(value))
        except SomaError as error:
            raise ValueError(error.message) from None
        return value

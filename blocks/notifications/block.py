"""A route of notifications as a Prefect Block: where messages go, about what, and for whom."""

import asyncio

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.notifications.sending import send

SLUG = "soma-notification-route"
KINDS = ["asked", "reminder", "escalated", "decided", "ended"]


class NotificationRoute(Block):
    """Where the hub's notifications go; edited in Prefect's UI, used by the gateway and by flows."""

    _block_type_name = "SomaAgentHub Notification Route"
    _block_type_slug = SLUG

    urls: SecretStr = Field(description="Apprise addresses, one a line, such as slack://… or mailto://….")
    kinds: list[str] = Field(
        default=KINDS,
        description="What is told: asked, reminder, escalated, decided (questions), ended (projects).",
    )
    tenant: str = Field(default="default", description="Whose questions and projects.")
    who: list[str] = Field(
        default=[],
        description="user:NAME and role:NAME: only questions that these are asked; all if empty.",
    )
    enabled: bool = Field(default=True, description="Whether anything is sent.")

    def addresses(self) -> list[str]:
        """The Apprise addresses."""
        return self.urls.get_secret_value().split()

    async def notify(self, subject: str, body: str) -> None:
        """Send a message to every address; `NotSent` when one of them did not take it."""
        for address in self.addresses():
            await asyncio.to_thread(send, address, subject, body)

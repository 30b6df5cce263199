"""Sending a message to one Apprise address. Addresses hold passwords, so no error and no log tells them."""

import logging
from functools import cache
from typing import Any

from blocks.errors import SomaError

LONGEST = 20_000
"""Characters of a message's body."""


class NotSent(SomaError):
    """The message was not taken."""

    status = 502


def send(address: str, subject: str, body: str) -> None:
    """Send the message, waiting for the service; `NotSent` when it did not take it. Call it in a thread."""
    apprise = _apprise()
    scheme = address.partition(":")[0][:20]
    sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id="SomaAgentHub", async_mode=False))
    try:
        if not sender.add(address):
            raise NotSent("this is no address that Apprise knows; see `apprise --details` for those it does")
        taken = sender.notify(title=subject[:250], body=body[:LONGEST], body_format=apprise.NotifyFormat.TEXT)
    except NotSent:
        raise
    except Exception as error:  # noqa: BLE001  # what a plugin says may hold the address
        raise NotSent(f"Apprise could not send by {scheme}: {type(error).__name__}") from None
    if not taken:
        raise NotSent(f"the service behind the {scheme} address did not take it, or does not answer")


@cache
def _apprise() -> Any:
    import apprise  # noqa: PLC0415  # loads more than a hundred plugins, and most processes send nothing

    # Its own log tells addresses and what was sent to them.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return apprise

"""How a command reaches the hub."""

from collections.abc import Iterator
from contextlib import contextmanager

from blocks.settings import load_settings
from ui.client import HubClient


@contextmanager
def hub() -> Iterator[HubClient]:
    """The client of the hub that the settings name."""
    with HubClient.from_settings(load_settings()) as client:
        yield client

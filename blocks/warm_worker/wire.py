"""How the worker and the fork server speak: one JSON object a line."""

import json
from collections.abc import Iterator
from typing import Any


class Lines:
    """Turns the bytes of a stream into the messages in it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The messages that are complete with `data`."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            yield json.loads(line)


def encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"

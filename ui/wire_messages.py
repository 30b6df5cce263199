"""Messages of a project's context bus as the gateway and its clients speak of them."""

from datetime import datetime
from typing import Any

from ui.wire import Said


class Message(Said):
    """What one step of the project has said to the others."""

    id: str
    """Its place; `after` it come those that were said later."""
    at: datetime
    kind: str
    """`finding`, `question` or `answer`."""
    text: str
    data: Any = None
    answers: str | None = None
    """The id of the question that an answer is for."""
    sender: str
    node: str
    capsule: str
    generation: int
    labels: list[str]
    """Where the words come from, such as `web_content`."""

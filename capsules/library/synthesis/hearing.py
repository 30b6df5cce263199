"""What the sides of the audit have said to each other, and what it comes to; an audit does without, too."""

from collections.abc import Iterable, Mapping, Sequence

from blocks.bus.messages import Message
from blocks.context import current
from blocks.errors import SomaError
from tasks.messages import read_messages

MOST = 5


async def hear() -> tuple[list[Message], list[str]]:
    """The newest words of each step of this project, with a note when they cannot be had."""
    context = current()
    if context is None or context.project is None:
        return [], []
    try:
        messages = await read_messages(limit=500)
    except SomaError as error:
        return [], [f"What the analyses said to each other could not be read: {error.message}"]
    newest = {message.sender.node: message for message in messages if message.kind == "finding"}
    return list(newest.values()), []


def notes_on(messages: Sequence[Message], refused: Iterable[str]) -> list[str]:
    """Which places several sides name among their worst, and what a side said that gave no analysis."""
    sides: dict[str, list[str]] = {}
    for message in messages:
        for path in _places(message):
            sides.setdefault(path, []).append(message.sender.node)
    shared = [(path, names) for path, names in sides.items() if len(names) > 1]
    notes = [
        f"{', '.join(sorted(names))} each name {path} among their worst places."
        for path, names in sorted(shared, key=lambda item: (-len(item[1]), item[0]))[:MOST]
    ]
    lost = set(refused)
    said = {message.sender.node: message.text for message in messages if message.sender.node in lost}
    return [*notes, *(f"{node} gave no analysis, but said before: {text}" for node, text in said.items())]


def _places(message: Message) -> set[str]:
    worst = message.data.get("worst") if isinstance(message.data, Mapping) else None
    found = worst if isinstance(worst, list) else []
    return {str(place["path"]) for place in found if isinstance(place, Mapping) and "path" in place}

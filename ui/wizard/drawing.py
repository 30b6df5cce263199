"""A plan as a picture: SVG that is drawn here and shown as an image, so that nothing in it can act."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from ui.wizard.layout import lay_out
from ui.wizard.words import cut, e

WIDTH, HEIGHT = 152, 54
ACROSS, DOWN = 42, 14
EDGE = 8
LETTERS = 19
"""So many letters fit on a line of a box."""
LOOKS = {
    "quiet": ("#ffffff", "#c3cad3", "#52606d"),
    "active": ("#e8f1fb", "#2f6fb3", "#1d4f86"),
    "asks": ("#fdf4df", "#c98a14", "#7a5200"),
    "good": ("#eaf6ee", "#4a9a66", "#22603a"),
    "bad": ("#fdeeec", "#c0483d", "#8a2020"),
}
"""Fill, line and letters."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A node as it is drawn."""

    id: str
    title: str
    note: str
    """A word or two below the title."""
    look: str
    """One of `LOOKS`."""
    needs: Sequence[str]


def picture(boxes: Sequence[Box], *, spoken: str) -> str:
    """An `img` element with the drawing; `spoken` is what it says to those who do not see it."""
    text = base64.b64encode(svg(boxes).encode()).decode()
    return (
        f'<div class="wide"><img class="dag" alt="{e(spoken)}" src="data:image/svg+xml;base64,{text}"></div>'
    )


def svg(boxes: Sequence[Box]) -> str:
    """The drawing."""
    layout = lay_out({box.id: list(box.needs) for box in boxes})
    width = layout.columns * (WIDTH + ACROSS) - ACROSS + 2 * EDGE
    height = layout.rows * (HEIGHT + DOWN) - DOWN + 2 * EDGE
    looks = {box.id: box.look for box in boxes}
    ways = "".join(_edge(way, looks[source] == "good") for (source, _), way in layout.ways.items())
    nodes = "".join(_node(box, layout.places[box.id]) for box in boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="system-ui, Segoe UI, Roboto, Arial, sans-serif">'
        f"{ways}{nodes}</svg>"
    )


def _corner(place: tuple[float, float]) -> tuple[float, float]:
    column, row = place
    return EDGE + column * (WIDTH + ACROSS), EDGE + row * (HEIGHT + DOWN)


def _edge(way: Sequence[tuple[float, float]], done: bool) -> str:  # noqa: FBT001  # the one thing that is said of it
    corners = [_corner(place) for place in way]
    x, y = corners[0][0] + WIDTH, corners[0][1] + HEIGHT / 2
    parts = [f"M{x:g} {y:g}"]
    for number, (left, top) in enumerate(corners[1:], start=1):
        middle, end = top + HEIGHT / 2, number == len(corners) - 1
        bend = ACROSS / 2
        parts.append(f"C{x + bend:g} {y:g} {left - bend:g} {middle:g} {left:g} {middle:g}")
        if not end:
            parts.append(f"H{left + WIDTH:g}")
        x, y = left + WIDTH, middle
    colour = "#8fb8a0" if done else "#c3cad3"
    return f'<path d="{" ".join(parts)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _node(box: Box, place: tuple[float, float]) -> str:
    left, top = _corner(place)
    fill, line, letters = LOOKS[box.look]
    thick = 2 if box.look in {"active", "asks", "bad"} else 1.2
    title = _titles(box.title)
    texts = "".join(
        f'<text x="{left + 10:g}" y="{top + (23 if len(title) == 1 else 17) + 14 * row:g}" font-size="12" '
        f'font-weight="600" fill="#1f2933">{e(text)}</text>'
        for row, text in enumerate(title)
    )
    note = (
        f'<text x="{left + 10:g}" y="{top + (41 if len(title) == 1 else 46):g}" font-size="10.5" '
        f'fill="{letters}">{e(cut(box.note, 24))}</text>'
    )
    rect = (
        f'<rect x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{fill}" '
        f'stroke="{line}" stroke-width="{thick:g}"/>'
    )
    return f"<g>{rect}{texts}{note}</g>"


def _titles(title: str) -> list[str]:
    """The title on one line or two."""
    found = wrap(cut(title, 200), LETTERS) or [""]
    return found if len(found) <= 2 else [found[0], cut(" ".join(found[1:]), LETTERS)]

"""Cost against the number of nodes: straight lines fitted by least squares, and a picture of them in SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fan_out import FanOut

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 440, 70, 50, 40, 20
COLOURS = {"hub": "#0b6e4f", "bare": "#b3541e"}
TICKS = 5
Point = tuple[float, float]
Place = Callable[[float, float], Point]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line through points, and how much of their spread it explains."""

    slope: float
    start: float
    r2: float

    def at(self, x: float) -> float:
        return self.start + self.slope * x


def fitted(points: Sequence[Point]) -> Line:
    """The line of least squares; r² is 1 when every point lies on it."""
    count = len(points)
    middle_x, middle_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread_x = sum((x - middle_x) ** 2 for x, _ in points)
    spread_y = sum((y - middle_y) ** 2 for _, y in points)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points) / spread_x if spread_x else 0.0
    start = middle_y - slope * middle_x
    left = sum((y - start - slope * x) ** 2 for x, y in points)
    return Line(slope=slope, start=start, r2=1 - left / spread_y if spread_y else 1.0)


def keep(found: Sequence["FanOut"], folder: Path) -> list[str]:
    """Write the pictures of wall time and of CPU time; say each line's slope, start and r²."""
    folder.mkdir(parents=True, exist_ok=True)
    said = []
    for title, name, field in (
        ("Wall time, seconds", "fan-out-wall.svg", "wall"),
        ("CPU time of client and servers, seconds", "fan-out-cpu.svg", "cpu"),
    ):
        series = {
            arm: sorted((float(row.nodes), float(getattr(row, field))) for row in found if row.arm == arm)
            for arm in COLOURS
        }
        series = {arm: points for arm, points in series.items() if len(points) > 2}
        if series:
            (folder / name).write_text(svg(title, series))
        for arm, points in series.items():
            line = fitted(points)
            each, start = f"{line.slope * 1000:.1f} ms a node", f"{line.start:.1f} s at first"
            said.append(f"{title}, {arm}: {each}, {start}, r² = {line.r2:.4f}")
    return said


def svg(title: str, series: dict[str, list[Point]]) -> str:
    """Points and fitted lines over axes from zero."""
    most_x = max(x for points in series.values() for x, _ in points)
    most_y = max(y for points in series.values() for _, y in points) or 1.0

    def place(x: float, y: float) -> Point:
        across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return LEFT + across * x / most_x, HEIGHT - BOTTOM - up * max(0.0, y) / most_y

    parts = [*_axes(place, most_x, most_y), _text(LEFT, 22, title, "start")]
    for number, (arm, points) in enumerate(series.items()):
        line = fitted(points)
        (x1, y1), (x2, y2) = place(0, line.at(0)), place(most_x, line.at(most_x))
        stroke = f'stroke="{COLOURS[arm]}"'
        parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {stroke}/>')
        for point in points:
            x, y = place(*point)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[arm]}"/>')
        words = f"{arm}: {line.slope * 1000:.1f} ms a node, r² = {line.r2:.4f}"
        parts.append(_text(LEFT + 14, TOP + 20 + 18 * number, words, "start", COLOURS[arm]))
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


def _axes(place: Place, most_x: float, most_y: float) -> list[str]:
    (left, bottom), (right, top) = place(0, 0), place(most_x, most_y)
    parts = [
        f'<line x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="#444"/>',
        f'<line x1="{left}" y1="{bottom}" x2="{left}" y2="{top}" stroke="#444"/>',
        _text((left + right) / 2, HEIGHT - 10, "nodes", "middle"),
    ]
    for step in range(TICKS + 1):
        x, y = most_x * step / TICKS, most_y * step / TICKS
        parts.append(_text(place(x, 0)[0], HEIGHT - BOTTOM + 18, f"{x:.0f}", "middle"))
        parts.append(_text(LEFT - 8, place(0, y)[1] + 4, f"{y:.3g}", "end"))
    return parts


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'

"""Plots as inline SVG: small, deterministic, without fonts, scripts or identifiers of the machine.

The drawing uses placeholder colours that become CSS variables, so that one SVG fits a light page,
a dark page and paper. Text stays text: it can be read aloud, searched and copied.
"""

import re
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from html import escape
from io import StringIO
from typing import Any
from warnings import catch_warnings, filterwarnings

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from capsules.library.publish.text import number, prose, short_path, visible
from capsules.repository.analysis import Plot

WIDTH = 5.4
MOST_BARS = 20
MOST_POINTS = 1500
MOST_NAMED = 5
_INK, _GRID = "#010203", "#020304"
_SERIES = ("#030405", "#040506", "#050607", "#060708", "#070809", "#08090a")
_VARIABLES = {_INK: "--ink-soft", _GRID: "--line"} | {
    colour: f"--plot-{index}" for index, colour in enumerate(_SERIES, start=1)
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "text.parse_math": False,
    "text.usetex": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK,
    "axes.labelsize": 9,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": _INK,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
_NOISE = (
    re.compile(r"<metadata>.*?</metadata>\s*|<defs>\s*<style.*?</style>\s*</defs>\s*", re.DOTALL),
    re.compile(r" font-family: [^;\"]*;"),
    re.compile(
        r" id=\"(?:figure|axes|patch|text|line2d|matplotlib|xtick|ytick|legend|[A-Z][A-Za-z]+_\d)[^\"]*\""
    ),
    re.compile(r" transform=\"rotate\(-0 [^\"]*\""),
)
"""What matplotlib writes for other uses than a drawing inside a page: its fonts, its names, its styles."""
_LOCK = threading.Lock()


def draw(plot: Plot, place: str = "") -> Markup | None:
    """The plot as an SVG element, or None when there is nothing to see in it.

    Two plots on one page are drawn for two places, so that no identifier occurs twice.
    """
    if not any(plot.series.values()):
        return None
    salt = sha256(f"{place} {plot.model_dump_json()}".encode()).hexdigest()[:12]
    # Matplotlib's settings are global to the process; two capsules may draw at the same time.
    with _LOCK, mpl.rc_context({**_STYLE, "svg.hashsalt": salt}), catch_warnings():
        # The reader's fonts draw the text; what matplotlib's own font lacks is no matter.
        filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(WIDTH, _height(plot)), layout="constrained")
        axes = figure.add_subplot()
        axes.set_prop_cycle(color=list(_SERIES))
        _KINDS[plot.kind](axes, plot)
        axes.set_xlabel(prose(plot.x_label, 48))
        axes.set_ylabel(prose(plot.y_label, 32))
        return _inline(figure, plot)


def named_points(plot: Plot) -> list[str]:
    """The names behind the numbers that a scatter plot shows at its most remarkable points."""
    return [visible(plot.labels[index]) for index in _remarkable(plot)]


def _inline(figure: Figure, plot: Plot) -> Markup:
    target = StringIO()
    empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(target, metadata=empty)  # type: ignore[no-untyped-call]  # untyped upstream
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :].replace(" xlink:href=", " href=")
    for noise in _NOISE:
        svg = noise.sub("", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(f": {colour}", f": var({variable})")
    opening = re.search(r'viewBox="[^"]+"', svg)
    label = escape(visible(plot.title), quote=True)
    size = opening[0] if opening else ""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size}>'
    return Markup(head + svg[svg.index(">") + 1 :])  # noqa: S704  # drawn by matplotlib, which escapes labels


def _height(plot: Plot) -> float:
    bars = min(len(plot.labels), MOST_BARS)
    return 0.7 + 0.235 * bars * (1.25 if len(plot.series) > 1 else 1) if plot.kind == "barh" else 2.9


def _barh(axes: Axes, plot: Plot) -> None:
    labels, series = _first_bars(plot)
    thickness = 0.72 / len(series)
    for index, (name, values) in enumerate(series.items()):
        rows = [row + (index - (len(series) - 1) / 2) * thickness for row in range(len(labels))]
        drawn = axes.barh(rows, values, height=thickness * 0.94, label=prose(name, 24))
        if len(series) == 1:
            axes.bar_label(drawn, [number(value) for value in values], padding=3, fontsize=8.5)
    axes.set_yticks(range(len(labels)), [short_path(label, 34) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    _legend(axes, series)


def _bar(axes: Axes, plot: Plot) -> None:
    labels, series = _first_bars(plot, 60)
    thickness = 0.8 / len(series)
    for index, (name, values) in enumerate(series.items()):
        places = [place + (index - (len(series) - 1) / 2) * thickness for place in range(len(labels))]
        axes.bar(places, values, width=thickness * 0.94, label=prose(name, 24))
    _frame(axes, labels, series)


def _stacked(axes: Axes, plot: Plot) -> None:
    labels, series = _first_bars(plot, 60)
    below = [0.0] * len(labels)
    for name, values in series.items():
        axes.bar(range(len(labels)), values, bottom=below, width=0.76, label=prose(name, 24))
        below = [low + value for low, value in zip(below, values, strict=True)]
    _frame(axes, labels, series)


def _line(axes: Axes, plot: Plot) -> None:
    for name, values in plot.series.items():
        lines = axes.plot(range(len(values)), values, linewidth=1.8, label=prose(name, 24))
        if len(plot.series) == 1:
            axes.fill_between(range(len(values)), values, alpha=0.14, color=lines[0].get_color(), linewidth=0)
        if len(values) == 1:
            axes.plot([0], values, "o", color=lines[0].get_color())
    axes.set_ylim(bottom=min(0, *(value for values in plot.series.values() for value in values)))
    _frame(axes, plot.labels, plot.series)


def _scatter(axes: Axes, plot: Plot) -> None:
    xs, ys = plot.series.get("x", []), plot.series.get("y", [])
    shown = sorted(range(min(len(xs), len(ys))), key=lambda at: -abs(xs[at] * ys[at]))[:MOST_POINTS]
    axes.scatter([xs[at] for at in shown], [ys[at] for at in shown], s=17, alpha=0.55, linewidths=0)
    for rank, at in enumerate(_remarkable(plot), start=1):
        axes.annotate(
            str(rank), (xs[at], ys[at]), xytext=(5, 3), textcoords="offset points", fontsize=9, weight="bold"
        )
    axes.grid(visible=True)
    axes.margins(0.08)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(FuncFormatter(_tick))


def _remarkable(plot: Plot) -> list[int]:
    xs, ys = plot.series.get("x", []), plot.series.get("y", [])
    many = min(len(xs), len(ys), len(plot.labels)) if plot.kind == "scatter" else 0
    return sorted(range(many), key=lambda at: -abs(xs[at] * ys[at]))[:MOST_NAMED]


def _frame(axes: Axes, labels: list[str], series: Mapping[str, list[float]]) -> None:
    axes.grid(visible=True, axis="y")
    axes.spines["left"].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    room = max(1, round(sum(len(label) + 2 for label in labels) / 58))
    ticks = range(0, len(labels), room)
    axes.set_xticks(list(ticks), [short_path(labels[at], 14) for at in ticks])
    _legend(axes, series)


def _legend(axes: Axes, series: Mapping[str, list[float]]) -> None:
    if len(series) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=min(4, len(series)), borderaxespad=0)


def _first_bars(plot: Plot, limit: int = MOST_BARS) -> tuple[list[str], dict[str, list[float]]]:
    """Labels and series of one length, whatever was given."""
    series = dict(list(plot.series.items())[: len(_SERIES)])
    length = min([limit, len(plot.labels), *(len(values) for values in series.values())])
    return plot.labels[:length], {name: values[:length] for name, values in series.items()}


def _tick(value: float, _place: object) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (unit == "M" and abs(value) >= size):
            return f"{value / size:g}{unit}"
    return f"{value:,g}"


_KINDS: Mapping[str, Callable[[Axes, Plot], None]] = {
    "bar": _bar,
    "barh": _barh,
    "line": _line,
    "scatter": _scatter,
    "stacked": _stacked,
}

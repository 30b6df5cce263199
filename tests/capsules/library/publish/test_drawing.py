from typing import Any
from xml.etree import ElementTree as ET

import pytest

from capsules.library.publish.drawing import MOST_BARS, draw, named_points
from capsules.repository.analysis import Plot

KINDS = ["bar", "barh", "line", "scatter", "stacked"]


def plot(kind: str, labels: list[str], **series: list[float]) -> Plot:
    given: dict[str, Any] = {"kind": kind, "title": "Title", "labels": labels, "series": series}
    return Plot.model_validate(given)


def texts(svg: str | None) -> list[str]:
    assert svg is not None
    root = ET.fromstring(svg)
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_plot_is_small_and_the_same_each_time(kind: str) -> None:
    """The same plot gives the same few kilobytes, with text as text and colours that follow the page."""
    drawn = plot(kind, ["one", "two", "three"], x=[1.0, 2.0, 3.0], y=[3.0, 1.0, 2.0])
    svg = draw(drawn)

    assert svg == draw(drawn)
    assert svg is not None
    assert len(svg) < 20_000
    assert "var(--plot-1)" in svg
    assert "font-family" not in svg


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_never_taken_for_formulas_or_markup(kind: str) -> None:
    """A file called like a formula or an element is drawn under its name."""
    svg = draw(
        plot(kind, ["$x^2$", "<script>"], **{"$a$": [1.0, 2.0], "</svg>": [1.0, 2.0], "x": [1.0], "y": [1.0]})
    )

    assert svg is not None
    assert "<script" not in svg
    assert svg.count("</svg>") == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("labels", "values"),
    [
        ([], []),
        (["a"], []),
        (["a"], [0.0]),
        (["a", "b"], [1.0]),
        (["a"], [1.0, 2.0]),
        (["a"], [-3.0]),
        (["a"], [1e12]),
    ],
)
def test_strange_data_never_fails(kind: str, labels: list[str], values: list[float]) -> None:
    """Too few or too many values, zero, negative and huge ones are drawn as far as they go."""
    svg = draw(plot(kind, labels, x=values, y=values))

    assert (svg is None) == (not values)


def test_many_bars_are_cut() -> None:
    """A plot of a thousand files shows the first ones."""
    svg = draw(plot("barh", [f"file{at}" for at in range(1000)], lines=[float(at) for at in range(1000)]))

    assert sum(text.startswith("file") for text in texts(svg)) == MOST_BARS


def test_remarkable_points_are_numbered() -> None:
    """The points far out carry numbers, whose names come in the same order."""
    drawn = plot("scatter", ["small", "large", "middle"], x=[1.0, 9.0, 4.0], y=[1.0, 9.0, 4.0])

    assert named_points(drawn) == ["large", "middle", "small"]
    assert {"1", "2", "3"} <= set(texts(draw(drawn)))


@pytest.mark.parametrize("kind", ["bar", "barh", "line", "stacked"])
def test_a_formula_in_a_label_is_shown_as_it_is_written(kind: str) -> None:
    """Dollar signs in a name do not start a formula."""
    assert "$x^2$" in texts(draw(plot(kind, ["$x^2$", "other"], lines=[1.0, 2.0])))

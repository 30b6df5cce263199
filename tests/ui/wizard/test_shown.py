"""What strangers wrote is shown and does nothing."""

import base64
import xml.etree.ElementTree as ET

import pytest

from ui.wizard.deliverables import framed
from ui.wizard.drawing import Box, svg
from ui.wizard.shown import shown
from ui.wizard.words import chip, e, label, lines

HOSTILE = '<img src=x onerror="alert(1)">&\x1b[31m'


@pytest.mark.parametrize(
    "made",
    [
        e,
        lines,
        lambda text: chip("running", text),
        shown,
        lambda text: shown({text: text}),
        lambda text: shown([text, {"a": text}]),
        lambda text: shown([{text: text}, {text: text}]),
    ],
)
def test_markup_in_a_value_stays_text(made):
    """No tag that a value holds becomes a tag of the page, and no control character reaches it."""
    html = made(HOSTILE)

    assert "<img" not in html
    assert "&lt;img" in html
    assert "\x1b" not in html


def test_a_label_loads_no_picture_and_makes_no_link():
    """Where Streamlit reads Markdown, every mark of it is escaped."""
    assert r"\!\[x\]\(http\://evil/a\) \*b\* \:red\[c\] \$d\$" == label("![x](http://evil/a) *b* :red[c] $d$")


def test_a_drawing_is_well_formed_whatever_the_titles_hold():
    """The SVG can be parsed and has one box for each node."""
    boxes = [
        Box(id="a", title=HOSTILE, note=HOSTILE, look="good", needs=[]),
        Box(
            id="b",
            title="A title that is so long that it takes two lines or more",
            note="",
            look="bad",
            needs=["a"],
        ),
    ]
    root = ET.fromstring(svg(boxes))

    assert 2 == len(root.findall(".//{http://www.w3.org/2000/svg}rect"))
    assert 1 == len(root.findall("{http://www.w3.org/2000/svg}path"))
    assert not root.findall(".//{http://www.w3.org/2000/svg}img")


def test_a_shown_page_is_under_a_policy_before_its_first_word():
    """A report that holds scripts stands behind a policy that lets none run, in a document of its own."""
    kind, _, encoded = framed("<script>steal()</script>").partition(",")
    page = base64.b64decode(encoded).decode()

    assert "data:text/html;base64" == kind
    assert page.index("default-src 'none'") < page.index("<script>")


def test_long_and_deep_values_are_cut_and_say_so():
    """Nothing is left out silently."""
    deep = {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}

    assert "1,000 characters more" in shown("x" * 4000)
    assert "and 70 more" in shown(list(range(100)))
    assert "1 more inside" in shown(deep)


def test_a_list_of_like_things_is_a_table():
    """The names stand once, above."""
    html = shown([{"name": "a", "size": 1}, {"name": "b", "size": 2}])

    assert 1 == html.count("<th>name</th>")
    assert 2 == html.count("<td>") // 2

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from capsules.library.publish.text import escape_markdown, number, prose, rich, short_path, visible, web_links


@given(st.text())
def test_visible_text_has_no_hidden_characters(text: str) -> None:
    """Nothing that changes direction, moves the cursor or cannot be seen reaches the reader."""
    kinds = {
        unicodedata.category(character)
        for character in visible(text).replace("\u200c", "").replace("\u200d", "")
    }

    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_hidden_characters_are_written_out() -> None:
    """The reader sees that there was something."""
    assert visible("a\n\x1b[31m\u202eb\U000e0001") == r"a\n\x1b[31m\u202eb\U000e0001"


def test_ordinary_words_stay_as_they_are() -> None:
    """Other scripts and emoji are not taken for attacks."""
    text = "Grüße, 世界, עברית, 👩\u200d💻"

    assert text == visible(text)


@given(st.text(max_size=40) | st.text(alphabet="*_`[]()#+-.!|~<>:/@=$&\\1w ", max_size=20))
@example("1. first")
@example("- item")
@example("<b>")
@example("***")
@example("=")
def test_markdown_shows_exactly_the_text(text: str) -> None:
    """Whatever the text holds, Markdown renders one paragraph with that text and nothing else."""
    words = visible(" ".join(text.split()))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(str(escape_markdown(text)))
    inline = [child for token in tokens if token.type == "inline" for child in token.children or []]

    assert "".join(child.content for child in inline) == words
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}


def test_only_web_addresses_become_links() -> None:
    """Scripts, files and addresses with markup in them stay text."""
    links = [
        "https://a.org/x?y=1",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://a.org/<b>",
        "HTTP://A.ORG",
        "data:x",
    ]

    assert web_links(links) == ["https://a.org/x?y=1"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1234, "1,234"),
        (1234.5, "1,234.5"),
        (3.14159, "3.14"),
        (2.0, "2"),
        (None, "–"),
        ("text", "text"),
        (True, "True"),
    ],
)
def test_numbers_are_written_for_people(value: float | str | None, expected: str) -> None:
    """Thousands are separated and no digit is shown that nobody needs."""
    assert expected == number(value)


def test_long_text_is_cut_at_a_word() -> None:
    """What is left out shows as an ellipsis."""
    assert prose("one two three four", 13) == "one two …"


def test_a_long_path_keeps_its_end() -> None:
    """The file's name tells more than the folders above it."""
    assert short_path("src/deep/er/file.py", 10) == "…r/file.py"


def test_code_in_backticks_is_set_as_code_and_escaped_all_the_same() -> None:
    """Advice is readable, and markup between backticks stays text."""
    assert rich("run `ruff check` or ``x``") == "run <code>ruff check</code> or <code>x</code>"
    assert rich("`<b>` and `open") == "<code>&lt;b&gt;</code> and `open"

"""Times and states in words."""

from datetime import UTC, datetime, timedelta

import pytest

from ui.wizard.words import CHIPS, about, left, state_word


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3600, "1 h 0 min"),
        (5 * 3600 + 60, "5 h"),
        (26 * 3600, "1 d 2 h"),
        (7 * 86400 + 3600, "7 d"),
    ],
)
def test_a_span_of_time_is_told_in_its_largest_unit(seconds, expected):
    """The next unit is told where it matters."""
    assert expected == about(timedelta(seconds=seconds))


def test_the_time_left_says_when_there_is_none():
    """A question without an end has no limit; one whose end has passed has no time."""
    assert "no time limit" == left(None)
    assert "the time is up" == left(datetime.now(UTC) - timedelta(seconds=1))


def test_every_state_that_the_terminal_knows_has_a_colour_here():
    """A state that is new at the terminal must be thought of for the pages too."""
    from ui.cli.terminal import MARKS

    assert set(MARKS) <= set(CHIPS)
    assert "waits for people" == state_word("awaiting_approval")

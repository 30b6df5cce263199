"""When a node is tried again, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsules.node import RetryPolicy
from capsules.retrying import pause, rest_before


def test_waits_grow_up_to_the_longest() -> None:
    """Without jitter each wait is the one before times the factor, and none is longer than the longest."""
    policy = RetryPolicy(attempts=6, wait=2, factor=3, longest=30, jitter=False)

    assert [rest_before(policy, failures, OSError(), "x") for failures in range(1, 7)] == [
        2,
        6,
        18,
        30,
        30,
        None,
    ]


@given(st.integers(1, 50), st.floats(0, 1e5), st.floats(1, 100), st.floats(0, 1e5), st.text())
def test_jitter_takes_at_most_half_away(
    failures: int, wait: float, factor: float, longest: float, seed: str
) -> None:
    """It never makes a wait longer, and the same attempt waits the same time."""
    policy = RetryPolicy(attempts=100, wait=wait, factor=factor, longest=longest)
    whole = pause(policy.model_copy(update={"jitter": False}), failures, seed)
    found = pause(policy, failures, seed)

    assert whole / 2 <= found <= whole <= longest
    assert found == pause(policy, failures, seed)


@pytest.mark.parametrize(
    ("terms", "error", "again"),
    [
        ({}, ValueError(), True),
        ({"on": ["ValueError"]}, ValueError(), True),
        ({"on": ["ValueError"]}, OSError(), False),
        ({"on": ["Connection*"]}, ConnectionResetError(), True),
        ({"on": ["OSError"]}, ConnectionResetError(), True),
        ({"never": ["OSError"]}, ConnectionResetError(), False),
        ({"on": ["*"], "never": ["ValueError"]}, ValueError(), False),
    ],
)
def test_errors_are_known_by_the_names_of_their_types(
    terms: dict[str, list[str]], error: Exception, again: bool
) -> None:
    """A name or a glob fits the type and what it is a kind of; `never` wins."""
    assert (rest_before(RetryPolicy(**terms), 1, error, "x") is not None) is again

"""Where the door leads after a sign-in."""

import pytest

from ui.wizard.door import inner


@pytest.mark.parametrize("wanted", ["/", "/project?project=abc", "/new?session=1", "/approvals"])
def test_a_page_of_the_wizard_may_be_wanted(wanted):
    """Who was sent to sign in comes back to where they were."""
    assert wanted == inner(wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "x",
        "",
        "/a\r\nb",
        "///x",
    ],
)
def test_no_other_page_may_be(wanted):
    """A link to the door cannot lead people to another machine."""
    assert "/" == inner(wanted)

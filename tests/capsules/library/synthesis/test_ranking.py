from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from capsules.library.synthesis.ranking import MOST_ACTIONS, MOST_PLACES, rank_actions
from capsules.repository.analysis import Analysis, Finding


def finding(rule: str, severity: str = "medium", *, content: str = "", **fields: Any) -> Finding:
    return Finding.of(rule, content, title=f"About {rule}", severity=severity, **fields)


def analysis(capsule: str, *findings: Finding) -> Analysis:
    return Analysis(capsule=capsule, title=capsule.title(), headline="So it is", findings=list(findings))


def ranked(*analyses: Analysis) -> list[str]:
    return [action.rule for action in rank_actions({item.capsule: item for item in analyses})]


def test_the_most_severe_comes_first() -> None:
    """Severity decides before anything else where effort is the same."""
    found = analysis("security", *(finding(level, level) for level in ("low", "critical", "medium", "high")))

    assert ranked(found) == ["critical", "high", "medium", "low"]


def test_the_smaller_effort_comes_first() -> None:
    """Of two equally severe things, the one done in minutes leads."""
    found = analysis("security", finding("long", effort="days"), finding("short", effort="minutes"))

    assert ranked(found) == ["short", "long"]


def test_what_is_found_in_more_places_comes_first() -> None:
    """Reach counts: nine places of one rule weigh more than one of another."""
    many = [finding("spread", path=f"{at}.py") for at in range(9)]

    assert ranked(analysis("quality", finding("single", path="a.py"), *many)) == ["spread", "single"]


def test_what_lies_in_a_hotspot_comes_first() -> None:
    """A finding in a file that changes often is met more often."""
    hot = analysis("hotspots", finding("hotspot", "low", path="hot.py"))
    found = analysis(
        "quality", finding("cold", path="cold.py", line=1), finding("hot", path="hot.py", line=1)
    )

    assert ranked(hot, found)[:2] == ["hot", "cold"]


def test_one_rule_is_one_action() -> None:
    """A hundred findings of one rule are one thing to do, with a few places and the number of the rest."""
    many = [finding("unused", path=f"{at:03}.py", line=at + 1, effort="minutes") for at in range(100)]
    [action] = rank_actions({"quality": analysis("quality", *many)})

    assert (action.count, len(action.places), action.more_places) == (100, MOST_PLACES, 95)
    assert action.places[0] == "000.py:1"
    assert action.effort == "hours"  # a hundred times a minute is no longer minutes


def test_the_same_place_is_not_reported_by_two_areas() -> None:
    """What two areas report at one line appears once, with the worse severity."""
    secrets = analysis("secrets", finding("password", "high", path="a.py", line=3))
    security = analysis(
        "security", finding("B105", "low", path="a.py", line=3), finding("B602", path="b.py", line=3)
    )

    assert sorted(ranked(secrets, security)) == ["B602", "password"]


def test_one_loud_area_does_not_fill_the_list() -> None:
    """Areas take turns: twenty medium rules of one area leave room for the others."""
    loud = analysis("quality", *(finding(f"q{at}", path="q.py", line=at + 1) for at in range(20)))
    others = [analysis(name, finding(name)) for name in ("tests", "documentation", "dependencies")]

    assert {"tests", "documentation", "dependencies"} <= set(ranked(loud, *others)[:5])


def test_everything_critical_stays_in_front() -> None:
    """Taking turns never puts something milder before something critical of the same area."""
    secrets = analysis("secrets", *(finding(f"key{at}", "critical", effort="days") for at in range(6)))
    security = analysis("security", *(finding(f"high{at}", "high", effort="minutes") for at in range(6)))

    assert all(rule.startswith("key") for rule in ranked(secrets, security)[:6])


def test_information_is_nothing_to_do() -> None:
    """A finding that only informs is not among the things to do."""
    assert ranked(analysis("survey", finding("fyi", "info"))) == []


def test_different_titles_of_one_rule_are_told() -> None:
    """The title names the worst finding and how many others there are, when they are named otherwise."""
    found = [
        Finding.of("complex", name, title=f"{name} is complex", severity=severity, path="a.py")
        for name, severity in (("f", "low"), ("g", "medium"), ("h", "low"))
    ]
    [action] = rank_actions({"quality": analysis("quality", *found)})

    assert action.title == "g is complex, and 2 more of the kind"


severities = st.sampled_from(["critical", "high", "medium", "low", "info"])
findings = st.lists(
    st.builds(
        finding, st.sampled_from("abcdefghijklmnop"), severities, path=st.sampled_from(["a", "b", None])
    )
)


@given(findings, findings)
def test_ranks_are_complete_and_no_rule_comes_twice(some: list[Finding], others: list[Finding]) -> None:
    """Whatever was found, the list is numbered from one, holds at most ten, and repeats nothing."""
    actions = rank_actions({"quality": analysis("quality", *some), "tests": analysis("tests", *others)})

    assert [action.rank for action in actions] == list(range(1, len(actions) + 1))
    assert len(actions) <= MOST_ACTIONS
    assert len({(action.capsule, action.rule) for action in actions}) == len(actions)


@given(findings)
def test_ranking_does_not_depend_on_the_order_of_findings(found: list[Finding]) -> None:
    """The same findings in another order give the same list."""
    forwards = [(action.rule, action.title) for action in rank_actions({"q": analysis("q", *found)})]
    backwards = [(action.rule, action.title) for action in rank_actions({"q": analysis("q", *found[::-1])})]

    assert sorted(forwards) == sorted(backwards)

"""Swapping the constitution while decisions are made."""

import threading

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action, Decision
from blocks.constitution.document import parse_constitution
from blocks.constitution.source import ConstitutionSource

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: reload, version: "1.0.%d"}\ndefault: deny\n'
ACTION = Action(
    stage="tool.call",
    name="x",
    facts={"tool": {"name": "x", "arguments": {f"n{each}": 5 for each in range(8)}}},
)
ARTICLES = 8


def version(number: int) -> Constitution:
    """Every article of it bears its number and matches every call."""
    verdict = ("allow", "warn")[number]
    lines = [
        f"  - {{id: v{number}-{each}, title: t, stages: [tool.call], verdict: {verdict}, reason: r,"
        f" when: tool.arguments.n{each} == 5}}"
        for each in range(ARTICLES)
    ]
    return parse_constitution(HEAD % number + "articles:\n" + "\n".join(lines), "reload")


def is_whole(decision: Decision, given: Constitution, number: int) -> bool:
    names = {found.article for found in decision.articles}
    return decision.constitution == given.digest and names == {
        f"v{number}-{each}" for each in range(ARTICLES)
    }


def test_a_decision_belongs_to_the_version_in_force_when_it_was_asked():
    """After `replace` has returned no decision comes from the version before, in this thread or another."""
    versions = version(0), version(1)
    source = ConstitutionSource(versions[0])
    for turn in range(60):
        source.replace(versions[turn % 2])
        found: list[Decision] = []
        asking = threading.Thread(target=lambda found=found: found.append(source.current().decide(ACTION)))
        asking.start()
        asking.join()

        assert is_whole(source.current().decide(ACTION), versions[turn % 2], turn % 2)
        assert is_whole(found[0], versions[turn % 2], turn % 2)


def test_under_reloads_no_decision_is_lost_late_or_mixed():
    """Threads decide while another swaps two versions: each answer is whole, from a version then in force."""
    versions = version(0), version(1)
    source = ConstitutionSource(versions[0])
    begun, done, each = 0, 0, 150
    seen: list[tuple[range, Decision]] = []

    def decide() -> None:
        for _ in range(each):
            first = done
            decision = source.current().decide(ACTION)
            seen.append((range(first, begun + 1), decision))

    deciding = [threading.Thread(target=decide) for _ in range(4)]
    for thread in deciding:
        thread.start()
    while any(thread.is_alive() for thread in deciding):
        begun += 1
        source.replace(versions[begun % 2])
        done = begun

    assert len(seen) == 4 * each
    for during, decision in seen:
        numbers = {swap % 2 for swap in during}
        assert any(is_whole(decision, versions[number], number) for number in numbers)


def test_a_decision_under_way_is_not_touched_by_a_swap():
    """Facts that swap the constitution while they are read do not mix two versions into one decision."""
    versions = version(0), version(1)
    source = ConstitutionSource(versions[0])

    class Swapping(dict):
        def get(self, key, default=None):
            source.replace(versions[1])
            return super().get(key, default)

        def __getitem__(self, key):
            source.replace(versions[1])
            return super().__getitem__(key)

    decision = source.current().decide(Action(stage="tool.call", name="x", facts=Swapping(ACTION.facts)))
    assert is_whole(decision, versions[0], 0)

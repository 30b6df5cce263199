from collections import Counter
from pathlib import Path

import pygit2
import pytest

from capsules.library.survey.history import clamped, day, read_history
from capsules.library.survey.inventory import take_inventory
from capsules.library.survey.licence import find_licence, name_licence
from capsules.library.survey.people import People, bus_factor, public_name
from capsules.library.survey.report import describe, months_until
from capsules.repository.checkout import Checkout

APRIL = 1_712_000_000  # 2024-04-01


def history(root: Path, commits: list[tuple[str, str, int]]) -> Checkout:
    """Add one empty commit for each author, address and time."""
    repository = pygit2.Repository(str(root))
    for name, address, when in commits:
        author = pygit2.Signature(name, address, when, 0)
        head = repository.head.target
        tree = repository[head].peel(pygit2.Tree).id
        repository.create_commit("HEAD", author, author, "Change", tree, [head])
    return Checkout.of(root)


def examine(checkout: Checkout):
    return describe(checkout, take_inventory(checkout, 60), read_history(checkout, 60), [])


def test_the_survey_counts_what_is_there(commit) -> None:
    """Files, lines and languages are those of the commit, without what was taken over or generated."""
    checkout = commit(
        {
            "app.py": "# why\nx = 1\n\ny = 2\n",
            "web/app.js": "let a = 1;\n",
            "node_modules/lib/index.js": "a;\n" * 500,
            "web/app.min.js": "b;\n" * 500,
            "logo.png": b"\x89PNG\0",
            "LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy",
        }
    )
    analysis = examine(checkout)
    metrics = {metric.name: metric.value for metric in analysis.metrics}

    assert (metrics["files"], metrics["code lines"], metrics["comment lines"]) == (6, 3, 1)
    assert metrics["licence"] == "MIT"
    assert analysis.headline.startswith("example: 3 lines of code, 67 % Python; 1 commit since 2023-11-14")
    assert analysis.coverage.skipped == {"vendored": 1, "generated": 1, "binary": 1, "unknown language": 1}


def test_people_are_counted_once_and_bots_apart(commit) -> None:
    """Several addresses and spellings are one person, the mailmap is respected, bots do not count."""
    checkout = commit({".mailmap": "Bob Builder <bob@new.org> <bob@old.org>\n", "a.py": "x = 1\n"})
    made = history(
        Path(checkout.root),
        [
            ("ada", "ada@home.org", APRIL),
            ("Ada", "ada@example.org", APRIL + 1),
            ("bobby", "bob@old.org", APRIL + 2),
            ("Bob Builder", "bob@new.org", APRIL + 3),
            ("dependabot[bot]", "d@bots.org", APRIL + 4),
        ],
    )
    people = read_history(made, 60).people

    assert [(person.name, person.commits) for person in people.humans()] == [("Ada", 3), ("Bob Builder", 2)]
    assert [person.name for person in people.bots()] == ["dependabot[bot]"]


def test_no_address_is_shown(commit) -> None:
    """Where somebody gave an address for a name, the part before the @ stands for it."""
    checkout = history(Path(commit({"a.py": ""}).root), [("eve@example.org", "eve@example.org", APRIL)])

    assert "@" not in examine(checkout).model_dump_json()


@pytest.mark.parametrize(
    ("commits", "names"),
    [
        ({"a": 5, "b": 3, "c": 2}, ["a"]),  # 5 of 10 is half
        ({"a": 4, "b": 3, "c": 3}, ["a", "b"]),
        ({"a": 1}, ["a"]),
        ({}, []),
    ],
)
def test_the_bus_factor_is_the_fewest_who_wrote_half(commits, names) -> None:
    """The busiest are taken until they wrote half."""
    assert bus_factor(Counter(commits)) == names


def test_one_person_doing_most_is_a_finding(commit) -> None:
    """Who wrote nearly everything of the last year is named, merges and bots left out."""
    commits = [("Ada", "ada@example.org", APRIL + number) for number in range(30)]
    analysis = examine(
        history(Path(commit({"a.py": ""}).root), [*commits, ("Bob", "bob@example.org", APRIL)])
    )
    found = {finding.rule: finding for finding in analysis.findings}

    assert found["survey.bus-factor"].title == "Ada wrote 97 % of the last 12 months' commits"  # 31 of 32
    assert found["survey.quiet"].severity == "medium"


def test_releases_and_what_came_after_are_told(commit) -> None:
    """The newest tag is named with its date and the commits since; a tag of a file is none."""
    checkout = commit({"a.py": ""})
    repository = pygit2.Repository(checkout.root)
    repository.create_reference("refs/tags/v1", repository.head.target)
    repository.create_reference("refs/tags/file", repository[repository.head.target].tree["a.py"].id)
    made = history(Path(checkout.root), [("Ada", "a@b.org", APRIL), ("Ada", "a@b.org", APRIL)])
    found = read_history(made, 60)

    assert found.releases == [("v1", 1_700_000_000)]
    assert found.unreleased == 2


def test_a_spent_budget_ends_the_walk_and_is_said(commit) -> None:
    """A history too long for its time is read from the newest end, and a note says how far."""
    checkout = history(
        Path(commit({"a.py": ""}).root), [("Ada", "a@b.org", APRIL + number) for number in range(600)]
    )
    found = read_history(checkout, 0)

    assert (found.commits, found.complete) == (500, False)
    assert "500 commits were read" in describe(checkout, take_inventory(checkout, 60), found, []).notes[0]


def test_forged_times_do_not_break_the_calendar() -> None:
    """A time before 1970 or far in the future is moved to the nearest that can be shown."""
    assert day(clamped(-5)) == "1970-01-01"
    assert day(clamped(10**15)) == "2200-01-01"


def test_months_lead_up_to_the_last() -> None:
    """The months of the plot have no gap, across a new year too."""
    assert months_until(APRIL, 6) == ["2023-11", "2023-12", "2024-01", "2024-02", "2024-03", "2024-04"]


def test_an_address_in_a_name_never_counts_twice() -> None:
    """Shared addresses such as noreply do not make two people one."""
    people = People()
    people.add("Ada", "noreply@example.org", 1, recent=True)
    people.add("Bob", "noreply@example.org", 1, recent=True)

    assert len(people.humans()) == 2
    assert public_name("") == "(no name)"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Apache License\n  Version 2.0, January 2004", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "GPL-3.0"),
        (
            "GNU LESSER GENERAL PUBLIC LICENSE\n Version 3 ... GNU General Public License, version 3",
            "LGPL-3.0",
        ),
        ("Redistribution and use in source and binary forms ... Neither the name of", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms, with", "BSD-2-Clause"),
        ("All rights reserved.", None),
    ],
)
def test_licences_are_known_by_their_words(text: str, name: str | None) -> None:
    """The words of a licence, however broken into lines, give its SPDX name."""
    assert name_licence(text) == name


def test_only_licence_files_near_the_root_count() -> None:
    """A licence of something that was taken over is not the project's."""
    assert find_licence("LICENSE.txt", b"x") == (True, None)
    assert find_licence("vendor/lib/LICENSE", b"x") == (False, None)
    assert find_licence("license.py", b"x") == (False, None)


def test_a_tree_of_binaries_is_surveyed_all_the_same(commit) -> None:
    """Without source code the survey says so."""
    analysis = examine(commit({"a.bin": b"\0" * 10}))

    assert "1 files and no source code" in analysis.headline or "no source code" in analysis.headline

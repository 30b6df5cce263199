"""The constitution that ships and the pages on OWASP's ten risks belong together."""

import re
from pathlib import Path

import pytest

from blocks.constitution.document import load_constitution
from blocks.constitution.examples import check_examples
from capsules.environment import SHIPPED_CONSTITUTION
from capsules.signatures import installed_signatures

PAGES = sorted((Path(__file__).parents[2] / "docs" / "owasp").glob("ASI*.md"))
SHIPPED = load_constitution(SHIPPED_CONSTITUTION, installed_signatures())
ARTICLES = {article["id"]: article for article in SHIPPED.document["articles"]}
NAMED = re.compile(r"`((?:allow|ask|mask|warn|deny|stop)-[a-z-]+)`")


def test_there_is_a_page_for_each_of_the_ten_risks():
    """Numbered as OWASP numbers them, and named as the principles are."""
    assert [page.stem[:5] for page in PAGES] == [f"ASI{number:02}" for number in range(1, 11)]
    assert [principle["id"] for principle in SHIPPED.document["principles"]] == [page.stem for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_the_articles_of_its_principle(page: Path):
    """All of them, at least one, and none that does not exist."""
    named = set(NAMED.findall(page.read_text(encoding="utf-8")))
    own = {name for name, article in ARTICLES.items() if article["principle"] == page.stem}

    assert named >= own
    assert own
    assert named <= set(ARTICLES)


def test_the_table_names_every_article():
    """Once, beside its risk."""
    named = NAMED.findall((PAGES[0].parent / "INDEX.md").read_text(encoding="utf-8"))

    assert sorted(named) == sorted(ARTICLES)


def test_every_article_has_an_example_that_it_decides():
    """Its own verdict is shown at least once, unless only a count of thousands would show it."""
    counted = {
        "deny-a-flood-of-tool-calls",
        "deny-a-flood-of-model-requests",
        "deny-publishing-without-end",
    }
    without = {
        name
        for name, article in ARTICLES.items()
        if article["verdict"] not in {example["verdict"] for example in article["tests"]}
    }

    assert without == counted
    assert check_examples(SHIPPED) == []

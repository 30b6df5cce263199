"""Links to answer by, through a real gateway: what they show, who they answer as, and when they are over."""

import asyncio
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from blocks.keys import SigningKey
from blocks.questions.links import token_of
from blocks.records.answer_links import link_for
from blocks.records.approvals import decide_approval, get_approval
from blocks.records.notice_tables import AnswerLink
from blocks.records.tables import now
from ui.gateway.answer_page import HEADERS


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="session")
def lea(gateway):
    """Somebody who may answer."""
    return gateway.other("lea", "approver")


@pytest.fixture
def asked(gateway, lea):
    project = gateway.project()
    details = {"arguments": {"to": "<script>alert(1)</script>", "amount": 500}}
    return gateway.question(project, details=details, requirements=[{"who": ["user:lea"], "quorum": 1}])


def link_of(gateway, asked, whose="lea", **changes):
    """The address of a link, whose row may be changed after it was signed."""

    async def make(database):
        link = await link_for(database, await get_approval(database, asked.id), whose)
        token = token_of(SigningKey.ensure(gateway.settings.keys_path), link)
        async with database.session() as session:
            row = await session.get_one(AnswerLink, link.id)
            for name, value in changes.items():
                setattr(row, name, value)
            session.add(row)
        return f"/v1/answers/{token}"

    return gateway.records(make)


def state(gateway, asked):
    return gateway.client().approval(asked.id)


def test_looking_shows_everything_and_answers_nothing(gateway, asked):
    """A page without scripts, whose words from strangers stay words; whoever looks changes nothing."""
    link = link_of(gateway, asked)
    with gateway.http(Accept="text/html") as people:
        answers = [people.get(link) for _ in range(3)]
    page = Page(answers[0].text)

    assert [found.status_code for found in answers] == [200, 200, 200]
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    for shown in ("May it be published?", asked.action_digest, "lea", '"amount": 500'):
        assert shown in page.text
    assert answers[0].headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert answers[0].headers["cache-control"] == "no-store"
    assert state(gateway, asked).state == "pending"


def test_a_link_answers_once_as_its_person(gateway, asked):
    """The form answers as lea, by the link; a second use is told that it was used."""
    link = link_of(gateway, asked)
    with gateway.http(Accept="text/html") as people:
        first = people.post(link, data={"verdict": "approve", "comment": "fine"})
        second = people.post(link, data={"verdict": "reject"})
        look = people.get(link)
    found = state(gateway, asked)

    assert (first.status_code, "Thank you" in first.text) == (200, True)
    assert (second.status_code, look.status_code) == (410, 410)
    assert "used already" in second.text
    assert (found.state, found.decided_by, found.votes[0]["via"]) == ("approved", "lea", "link")


def test_an_answer_that_cannot_be_taken_leaves_the_link(gateway, asked):
    """Asking for changes without saying which is told, and the person may try again."""
    link = link_of(gateway, asked)
    with gateway.http(Accept="text/html") as people:
        codes = [
            people.post(link, data={"verdict": "changes"}).status_code,
            people.post(link, data={"verdict": "maybe"}).status_code,
            people.post(link, data={"verdict": "reject", "comment": "no"}).status_code,
        ]

    assert codes == [422, 422, 200]
    assert state(gateway, asked).state == "rejected"


@pytest.mark.parametrize(
    "changes",
    [
        {"person": "admin"},
        {"action_digest": "sha256:other"},
        {"expires_at": now() + timedelta(days=300)},
    ],
)
def test_what_was_signed_is_what_counts(gateway, asked, changes):
    """A row of the database that somebody has changed makes the link none of this hub's."""
    link = link_of(gateway, asked, **changes)
    with gateway.http(Accept="text/html") as people:
        answer = people.post(link, data={"verdict": "approve"})

    assert (answer.status_code, "No such link" in answer.text) == (404, True)
    assert state(gateway, asked).state == "pending"


def test_wrong_and_late_links_are_told_on_a_page(gateway, asked):
    """Tampered, made up, or for a question that was answered elsewhere: a page says so, with its status."""
    link = link_of(gateway, asked)
    letter = "A" if link[-10] != "A" else "B"
    with gateway.http(Accept="text/html") as people:
        tampered = people.get(f"{link[:-10]}{letter}{link[-9:]}")
        made_up = people.get("/v1/answers/hello")
        gateway.records(lambda database: _reject(database, asked.id))
        late = people.post(link, data={"verdict": "approve"})

    assert [found.status_code for found in (tampered, made_up, late)] == [404, 404, 409]
    assert all(found.headers["content-type"].startswith("text/html") for found in (tampered, made_up, late))
    assert "already rejected by lea" in late.text


async def _reject(database, asked):
    from blocks.records.answer_links import principal_named

    lea = await principal_named(database, "default", "lea")
    await decide_approval(database, asked, by=lea, verdict="reject")


def test_a_link_whose_time_is_over_is_over(gateway, asked):
    """It was signed with that end, and is told so."""

    async def make(database):
        past = (now() - timedelta(minutes=1)).replace(microsecond=0)
        link = AnswerLink(
            tenant="default", approval=asked.id, person="lea", action_digest="sha256:def", expires_at=past
        )
        async with database.session() as session:
            session.add(link)
        return token_of(SigningKey.ensure(gateway.settings.keys_path), link)

    with gateway.http(Accept="text/html") as people:
        answer = people.get(f"/v1/answers/{gateway.records(make)}")

    assert (answer.status_code, "is over" in answer.text) == (410, True)


def test_who_has_no_token_any_more_answers_nothing(gateway, asked):
    """A link acts with the roles that its person has now; without any it does nothing."""
    link = link_of(gateway, asked, whose="gone")
    with gateway.http(Accept="text/html") as people:
        answer = people.post(link, data={"verdict": "approve"})

    assert (answer.status_code, "no token of this hub speaks for gone" in answer.text) == (403, True)


def test_of_two_ways_at_once_one_counts(gateway, lea, asked):
    """A link and a token at the same moment leave one answer; the other is told politely."""
    link = link_of(gateway, asked)

    def by_link():
        with gateway.http(Accept="text/html") as people:
            return people.post(link, data={"verdict": "approve"}).status_code

    def by_token():
        body = {"verdict": "reject"}
        return lea._http.post(f"/v1/approvals/{asked.id}", json=body).status_code

    async def both():
        return await asyncio.gather(asyncio.to_thread(by_link), asyncio.to_thread(by_token))

    assert sorted(asyncio.run(both())) == [200, 409]

from concurrent.futures import ThreadPoolExecutor

import pytest

from blocks.errors import Conflict


def test_a_question_is_listed_shown_and_answered(gateway):
    """A pending question is found by its state and project, shown in full, and takes one answer."""
    project = gateway.project()
    asked = gateway.question(project)
    client = gateway.client()

    assert [found.id for found in client.approvals(project=project.id)] == [asked.id]
    assert client.approval(asked.id).details == {"repository": "/somewhere"}
    assert [found.id for found in client.project(project.id).approvals] == [asked.id]
    decided = client.answer(asked.id, "approve", "looks right")

    assert (decided.state, decided.decided_by, decided.comment) == ("approved", "admin", "looks right")
    assert client.approvals(project=project.id) == []
    assert client.approvals(state="approved", project=project.id)[0].id == asked.id


def test_a_second_answer_is_a_conflict(gateway):
    """The first answer stands; a second one, even the same, is told who was first."""
    asked = gateway.question(gateway.project())
    client = gateway.client()
    client.answer(asked.id, "reject")

    with pytest.raises(Conflict, match="already rejected by admin") as caught:
        client.answer(asked.id, "approve")

    assert caught.value.exit_code == 2
    assert client.approval(asked.id).state == "rejected"


def test_of_many_answers_at_once_one_counts(gateway):
    """Twenty people who answer at the same moment leave one answer and nineteen conflicts."""
    asked = gateway.question(gateway.project())

    def answer(number):
        body = {"verdict": "approve" if number % 2 else "reject"}
        return gateway.http().post(f"/v1/approvals/{asked.id}", json=body).status_code

    with ThreadPoolExecutor(20) as pool:
        codes = sorted(pool.map(answer, range(20)))

    assert codes == [200] + [409] * 19


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verdict": "maybe"},
        {"verdict": "approve", "comment": "x" * 4001},
        {"verdict": "approve", "comment": "\0"},
        {"verdict": "approve", "by": "somebody"},
        {"verdict": "changes"},
        {"verdict": "approve", "arguments": {"amount": 5}},
        {"verdict": "reject", "arguments": {}},
    ],
)
def test_a_bad_answer_changes_nothing(gateway, body):
    """An answer that is not one leaves the question open."""
    asked = gateway.question(gateway.project())

    assert gateway.http().post(f"/v1/approvals/{asked.id}", json=body).status_code == 422
    assert gateway.client().approval(asked.id).state == "pending"


def test_an_unknown_question_is_not_found(gateway):
    """A wrong id of a question is told, whether it is read or answered."""
    http = gateway.http()

    assert http.get("/v1/approvals/apr_x").status_code == 404
    assert http.post("/v1/approvals/apr_x", json={"verdict": "approve"}).status_code == 404
    assert http.get("/v1/approvals?state=open").status_code == 422


def test_an_answer_sets_a_waiting_project_going(gateway):
    """The project that waited for the answer runs again at once, even with Prefect away."""
    project = gateway.project()
    asked = gateway.question(project)
    gateway.move(project.id, "awaiting_approval")

    gateway.client().answer(asked.id, "approve")

    assert gateway.client().project(project.id).state == "running"


def test_changes_send_the_work_back(gateway):
    """The node is done anew, its project runs again, and the question is closed with what is wanted."""
    project = gateway.project()
    gateway.move(project.id, "awaiting_approval")
    asked = gateway.question(project)
    gateway.node(project.id, "second", state="awaiting_approval")

    decided = gateway.client().answer(asked.id, "changes", "name the sources")

    found = gateway.client().project(project.id)
    assert (decided.state, decided.comment) == ("sent_back", "name the sources")
    assert (found.state, [node.state for node in found.nodes]) == ("running", ["waiting", "waiting"])


def test_who_agrees_has_seen_what_somebody_changed(gateway):
    """After one of two people changed an argument, the other agrees to that by its digest, or not at all."""
    offered = {"kind": "node", "arguments": {"word": "a"}, "schema": {"word": {"type": "string"}}}
    asked = gateway.question(
        gateway.project(), offered=offered, requirements=[{"quorum": 2, "who": [], "requester": True}]
    )
    client, other = gateway.client(), gateway.other("ben", "approver")

    first = client.answer(asked.id, "approve", arguments={"word": "b"})
    with pytest.raises(Conflict, match="somebody has changed the arguments"):
        other.answer(asked.id, "approve")
    with pytest.raises(Conflict, match="has changed since"):
        other.answer(asked.id, "approve", digest=asked.action_digest)
    second = other.answer(asked.id, "approve", digest=first.bound_to)

    assert (first.state, first.missing) == ("pending", ["1 more"])
    assert (second.state, second.edited) == ("approved", {"word": "b"})

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import httpx
import pytest

from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.signing import SignatureInvalid, sign
from blocks.errors import BadInput, Conflict, Forbidden, NotFound
from blocks.keys import SigningKey
from blocks.records.audit import list_records, store_records
from capsules.environment import SHIPPED_CONSTITUTION
from ui.client import HubClient

ARTICLE = """
  - id: {id}
    title: No mail to strangers
    stages: [tool.call]
    actions: [mail.send]
    when: tool.arguments.to == "eve"
    verdict: deny
    reason: "{{tool.arguments.to}} is a stranger"
    tests:
      - action: mail.send
        facts: {{tool: {{arguments: {{to: eve}}}}}}
        verdict: {expected}
"""
numbers = count(1)


def a_text(*, expected="deny", article="no-strangers"):
    """The shipped constitution under a name of its own, with one article more: harmless while in force."""
    text = SHIPPED_CONSTITUTION.read_text()
    parsed = parse_constitution(text, "shipped")
    text = text.replace(f"name: {parsed.name}", f"name: test-{uuid4().hex[:12]}", 1)
    return text.rstrip() + "\n" + ARTICLE.format(id=article, expected=expected).lstrip("\n")


def published(gateway, text=None):
    text = text or a_text()
    key = SigningKey.ensure(gateway.settings.keys_path)
    signature = sign(parse_constitution(text, "candidate"), key)
    return gateway.client().publish(text, signature=signature.signature, key=signature.key)


def decisions(gateway, project, *recorded, shadow=None):
    """Decisions as the guard keeps them: (action's recipient, verdict, the shadow's verdict)."""
    records = [
        {
            "id": f"dec_{uuid4().hex}",
            "kind": "decision",
            "tenant": "default",
            "at": datetime.now(UTC).isoformat(),
            "principal": {"name": "ada", "kind": "user", "roles": []},
            "project": project,
            "node": "first",
            "stage": "tool.call",
            "action": "mail.send",
            "verdict": verdict,
            "articles": [{"article": "old", "verdict": verdict, "reason": "so it was"}],
            "constitution": "0" * 64,
            "facts": facts(to),
            "answers": {},
            **({"shadow": told(shadow, would)} if shadow else {}),
        }
        for to, verdict, would in recorded
    ]
    gateway.records(lambda database: store_records(database, records))
    return [record["id"] for record in records]


def facts(to):
    return {
        "principal": {"tenant": "default", "name": "ada", "kind": "user", "roles": []},
        "project": {"id": "p", "blueprint": "", "requested_by": "", "workspace": "", "inputs": {}},
        "node": {"name": "", "attempt": 0, "tools": [], "memory": []},
        "capsule": {"name": "", "version": ""},
        "task": {"name": "mail.send", "arguments": {"to": to}},
        "tool": {"name": "mail.send", "arguments": {"to": to}},
        "time": datetime.now(UTC).isoformat(),
        "data": {"labels": [], "arguments": {}, "seen": []},
        "budget": {},
        "environment": {"name": "test", "runtime": "inline"},
    }


def told(digest, verdict):
    articles = [{"article": "no-strangers", "verdict": verdict, "reason": "a stranger"}]
    return {"constitution": digest, "verdict": verdict, "articles": articles}


def somebody(gateway, *roles):
    """The client of another person with these roles."""
    made = gateway.client().create_token(f"person-{next(numbers)}", list(roles))
    return HubClient(gateway.url, made.secret)


def test_a_document_is_validated_with_every_problem(gateway):
    """A valid document is named with its digest; of another one every problem comes with its line."""
    client = gateway.client()
    found = client.validate_constitution(a_text())
    wrong = a_text().replace('tool.arguments.to == "eve"', "tool.argument.to == 3").replace("deny\n", "dny\n")

    assert (len(found.digest), found.articles > 1) == (64, True)
    with pytest.raises(ConstitutionInvalid) as caught:
        client.validate_constitution(wrong)
    assert len(caught.value.problems) >= 1
    assert "constitution:" in caught.value.problems[0]


def test_the_examples_of_a_document_are_run(gateway):
    """Those that hold are counted, those that fail are told."""
    client = gateway.client()

    assert client.test_constitution(a_text()).failed == []
    failed = client.test_constitution(a_text(expected="allow"))
    assert (len(failed.failed), failed.held) == (1, failed.examples - 1)
    assert "expected allow, got deny" in failed.failed[0]


def test_a_version_is_published_once_and_shown(gateway):
    """Publishing the same again changes nothing; it is found by its digest, a part of it and its name."""
    text = a_text()
    first, again = published(gateway, text), published(gateway, text)
    client = gateway.client()

    assert first == again
    for ref in (first.digest, first.digest[:8], f"{first.name}@{first.version}"):
        assert client.constitution(ref).text == text
    assert [found.standing for found in client.constitutions() if found.digest == first.digest] == [
        "published"
    ]


def test_what_is_not_signed_for_is_not_published(gateway):
    """A signature under another text, by an unknown key, or none at all is refused."""
    text = a_text()
    key = SigningKey.ensure(gateway.settings.keys_path)
    signature = sign(parse_constitution(text, "candidate"), key)
    client = gateway.client()

    with pytest.raises(SignatureInvalid):
        client.publish(a_text(), signature=signature.signature, key=signature.key)
    with pytest.raises(SignatureInvalid, match="does not trust"):
        client.publish(text, signature=signature.signature, key="f" * 16)
    with pytest.raises(SignatureInvalid):
        client.publish(text, signature="AAAA", key=signature.key)


def test_a_document_whose_examples_fail_is_not_published(gateway):
    """What does not do what it says is refused, signed or not."""
    with pytest.raises(BadInput, match="own tests fail"):
        published(gateway, a_text(expected="allow"))


def test_an_activation_nobody_looked_ahead_of_waits_for_a_second_person(gateway):
    """Without a replay it waits; nobody else may begin another; the second person's yes puts it in force."""
    client = gateway.client()
    before = client.constitution("active")
    version = published(gateway)
    step = client.activate(version.digest, reason="a try")

    assert step.state == "waiting"
    assert client.constitution("active").digest == before.digest
    with pytest.raises(Conflict):
        client.activate(published(gateway).digest)
    with pytest.raises(Forbidden, match="another person"):
        client.confirm(step.id)
    with pytest.raises(Forbidden, match="it takes the role"):
        somebody(gateway, "viewer").confirm(step.id)
    assert somebody(gateway, "approver").confirm(step.id).state == "done"
    assert client.constitution("active").digest == version.digest
    assert client.rollback(reason="enough").digest == before.digest
    assert client.constitution("active").digest == before.digest


def test_who_only_reads_changes_nothing(gateway):
    """A viewer may read, ask and replay; publishing, activating and the shadow take an admin."""
    viewer, version = somebody(gateway, "viewer"), published(gateway)
    made = viewer.replay(since=datetime.now(UTC) - timedelta(hours=1), ref=version.digest)

    assert viewer.constitution("active").standing == "active"
    assert viewer.evaluate("task", "x").stage == "task"
    assert viewer.replay_report(made.id).looked_at_by == [viewer.whoami().name]
    for call in (
        lambda: viewer.publish("x", signature="x", key="x"),
        lambda: viewer.activate(version.digest),
        viewer.rollback,
        lambda: viewer.start_shadow(version.digest),
        viewer.end_shadow,
    ):
        with pytest.raises(Forbidden):
            call()


def test_an_activation_may_be_withdrawn(gateway):
    """What waited and was withdrawn is in force nowhere, and stands in the history."""
    client = gateway.client()
    step = client.activate(published(gateway).digest)

    assert client.withdraw(step.id).state == "withdrawn"
    assert client.constitution_history()[0].state == "withdrawn"
    with pytest.raises((Conflict, NotFound)):
        client.confirm(step.id)


def test_who_has_looked_at_the_replay_may_activate_alone(gateway):
    """A replay counts once its report was fetched; then one person's word puts the version in force."""
    client = gateway.client()
    version = published(gateway)
    replay = client.replay(since=datetime.now(UTC) - timedelta(hours=1), ref=version.digest)
    unseen = client.activate(version.digest, replay=replay.id)
    client.withdraw(unseen.id)
    report = client.replay_report(replay.id)
    step = client.activate(version.digest, replay=replay.id)
    client.rollback()

    assert (unseen.state, step.state) == ("waiting", "done")
    assert report.looked_at_by == ["admin"]


def test_a_replay_tells_what_would_have_been(gateway):
    """Recorded decisions of a project are decided again: what is newly refused is named and counted."""
    client = gateway.client()
    project = f"prj_{uuid4().hex}"
    ids = decisions(gateway, project, ("ada", "allow", ""), ("eve", "allow", ""))
    text = a_text().replace("actions: [mail.send]", "actions: [mail.send, mail.post]")
    made = client.replay(since=datetime.now(UTC) - timedelta(days=1), text=text, project=project)
    report = client.replay_report(made.id).report

    assert (report["decisions"], report["changes"]["refused"]) == (2, 2)
    mine = next(found for found in report["examples"] if found["article"] == "no-strangers")
    assert (mine["decision"], mine["reason"]) == (ids[1], "eve is a stranger")
    assert report["projects"][0]["project"] == project


def test_what_the_guard_recorded_is_decided_again_as_it_was(gateway):
    """A real decision has all that is needed: under the constitution in force it comes out the same."""
    client, project = gateway.client(), gateway.project()
    client.launch(project.id)
    since = datetime.now(UTC) - timedelta(hours=1)
    report = client.replay_report(client.replay(since=since, ref="active", project=project.id).id).report

    assert (report["decisions"], report["same"], report["undecided"]) == (1, 1, [])


def test_a_replay_of_a_part_is_not_a_look_ahead(gateway):
    """Whoever looks at one project only has not looked at what activation would change."""
    client = gateway.client()
    version = published(gateway)
    since = datetime.now(UTC) - timedelta(hours=1)
    made = client.replay(since=since, ref=version.digest, project="prj_none")

    assert client.replay_report(made.id).looked_at_by == []


@pytest.mark.parametrize(
    "body",
    [
        {"since": "2030-01-01T00:00:00Z"},
        {"since": "2030-01-01T00:00:00Z", "ref": "active", "text": "x"},
        {"since": "2030-01-01T00:00:00", "ref": "active"},
        {"since": "then", "ref": "active"},
        {"ref": "active"},
    ],
)
def test_a_replay_needs_one_candidate_and_a_moment(gateway, body):
    """Neither or both candidates, and a moment without a zone, are told as bad input."""
    answer = gateway.http().post("/v1/replays", json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_hub_that_obeys_a_file_says_so(serve, tmp_path):
    """Where the settings name a file, no version is activated in vain; verdicts are the file's."""
    file = tmp_path / "rules.yaml"
    file.write_text(a_text())
    with serve(constitution=file) as gateway:
        client, version = gateway.client(), published(gateway)
        found = client.evaluate("tool.call", "mail.send", {"tool": {"arguments": {"to": "eve"}}})
        for call in (
            client.rollback,
            lambda: client.activate(version.digest),
            lambda: client.constitution("active"),
        ):
            with pytest.raises(Conflict, match="SOMA_CONSTITUTION"):
                call()

    assert (found.verdict, found.constitution.digest) == (
        "deny",
        parse_constitution(file.read_text(), "f").digest,
    )


def test_the_shadow_is_counted_and_blocks_nothing(gateway):
    """What the candidate would have decided otherwise since it began is counted by article and listed."""
    client = gateway.client()
    version = published(gateway)
    begun = client.start_shadow(version.digest)
    project = f"prj_{uuid4().hex}"
    lines = [("ada", "allow", "allow"), ("eve", "allow", "deny"), ("eve", "deny", "deny")]
    ids = decisions(gateway, project, *lines, shadow=version.digest)
    found = client.shadow()
    client.end_shadow()

    assert begun.constitution.digest == version.digest
    assert (found.report["decisions"], found.report["differing"], found.report["same"]) == (3, 1, 2)
    assert found.report["articles"][0]["article"] == "no-strangers"
    assert [(item["decision"], item["change"]) for item in found.report["examples"]] == [(ids[1], "refused")]
    with pytest.raises(NotFound, match="no candidate is in the shadow"):
        client.shadow()
    with pytest.raises(NotFound, match="no candidate is in the shadow"):
        client.end_shadow()


def test_a_question_is_answered_dry(gateway):
    """A verdict by a text, by a version and by the one in force, with its reasons; nothing is recorded."""
    client = gateway.client()
    said = {"tool": {"arguments": {"to": "eve"}}}
    version = published(gateway)

    async def known(database):
        return len(await list_records(database, tenant="default", kind=None, limit=100_000))

    before = gateway.records(known)
    by_text = client.evaluate("tool.call", "mail.send", said, text=a_text(), explain=True)
    by_ref = client.evaluate("tool.call", "mail.send", said, ref=version.digest)
    in_force = client.evaluate("tool.call", "mail.send", said)

    assert (by_text.verdict, by_ref.verdict) == ("deny", "deny")
    assert by_text.explanation["matched"]
    assert "no-strangers" in [item.article for item in by_ref.articles]
    assert (by_ref.explanation, by_ref.constitution.digest) == (None, version.digest)
    assert "no-strangers" not in [item.article for item in in_force.articles]
    assert gateway.records(known) == before


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"stage": "tool.cal", "action": "x"}, "did you mean 'tool.call'?"),
        ({"stage": "task", "action": "x", "facts": {"toll": 1}}, "no field 'toll'"),
        ({"stage": "task", "action": ""}, "1 to 200 characters"),
        ({"stage": "task", "action": "x", "ref": "nothing"}, "'nothing' names no version"),
        ({"stage": "task", "action": "x", "text": "nonsense"}, "constitution:1"),
        ({"stage": "task", "action": "x", "text": "", "ref": "active"}, "not both"),
        ({"stage": "task"}, "/action"),
        ({"stage": "task", "action": "x", "facts": {"task": {"arguments": {"a": "\0"}}}}, "NUL"),
    ],
)
def test_a_wrong_question_is_told(gateway, question, message):
    """Unknown stages, fields and constitutions are problems with what was meant, not verdicts."""
    answer = gateway.http().post("/v1/policy/evaluate", json=question)

    assert (answer.status_code, message in answer.json()["detail"]) == (422, True), answer.text


def test_two_constitutions_are_compared(gateway):
    """The difference between the shipped one and a version names the article that came."""
    version = published(gateway)
    found = gateway.client().difference("shipped", version.digest)

    assert (found["added"], found["removed"]) == (["no-strangers"], [])
    assert found["settings"]["metadata.name"][1] == version.name


def test_what_is_not_there_is_told(gateway):
    """Unknown versions, activations and replays are not found."""
    client = gateway.client()
    for call in (
        lambda: client.constitution("f" * 64),
        lambda: client.constitution("nothing@1.0.0"),
        lambda: client.confirm(10**9),
        lambda: client.replay_report("rpl_none"),
    ):
        with pytest.raises(NotFound):
            call()


def test_too_large_a_document_is_refused(gateway):
    """More than a mebibyte is not read at all."""
    answer = gateway.http().post("/v1/constitutions/validate", json={"text": "x" * 2**20})

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "a: &a [*a, *a]", "? " * 20_000, "\tx", "articles: " + "- " * 20_000, "{" * 20_000],
    ids=["brackets", "alias", "keys", "tab", "dashes", "braces"],
)
def test_a_hostile_document_holds_nobody_up(gateway, text):
    """Documents made to be slow or deep get an answer, and others are served the while."""
    answer = gateway.http().post("/v1/constitutions/validate", json={"text": text}, timeout=60)

    assert answer.status_code == 422
    assert httpx.get(f"{gateway.url}/health").status_code == 200

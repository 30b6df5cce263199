import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from blocks.errors import BadInput
from blocks.keys import SigningKey
from ui.cli.constitution_replay import moment

HOUSE = """\
apiVersion: soma/v1
kind: Constitution
metadata: {name: house-NUMBER, version: '1.0.0'}
default: deny
articles:
  - id: own-work
    title: Agents may do their own work
    stages: [project.launch, plan.node, capsule.start, task, tool.call, tool.result, memory.read]
    verdict: allow
    reason: ordinary work
    tests:
      - {stage: tool.call, action: survey.clone, verdict: allow}
  - id: mail-outside
    title: Mail to strangers needs a person
    stages: [tool.call]
    actions: [mail.send]
    when: "!tool.arguments.to.endsWith('@house.example')"
    verdict: approve
    approve: {who: [role:approver], expires: 24h, requester: false}
    reason: "{tool.arguments.to} is not one of us"
    remedy: write to somebody in the house
    tests:
      - {action: mail.send, facts: {tool: {arguments: {to: ada@house.example}}}, verdict: allow}
      - {action: mail.send, facts: {tool: {arguments: {to: eve@elsewhere.example}}}, verdict: approve}
"""
SEND = ("--stage", "tool.call", "--action", "mail.send", "--facts")
numbers = count(1)


@pytest.fixture
def house(tmp_path):
    """A valid constitution's file, of a name of its own."""
    file = tmp_path / "house.yaml"
    file.write_text(HOUSE.replace("NUMBER", str(next(numbers))))
    return file


def changed(file, before, after):
    text = file.read_text()
    assert before in text
    other = file.with_name("other.yaml")
    other.write_text(text.replace(before, after))
    return other


def test_a_valid_document_is_told_with_its_warnings(run, house):
    """Exit code 0; an action that nothing installed does is worth a warning, no more."""
    said = run("constitution", "validate", str(house))

    assert (said.code, said.out.startswith(f"{house}: valid (house-")) == (0, True)
    assert "no installed action 'mail.send'" in said.err
    assert json.loads(run("constitution", "validate", str(house), "--json").out)["valid"] is True


def test_every_problem_is_told_with_its_line(run, house):
    """Two mistakes are two lines with file and line number, exit code 2."""
    text = house.read_text().replace("verdict: allow\n    reason", "verdict: alow\n    reason")
    other = house.with_name("other.yaml")
    other.write_text(text.replace("remedy:", "remdy:"))
    said = run("constitution", "validate", str(other))

    assert (said.code, said.out) == (2, "")
    assert [line.split(": ")[0] for line in said.err.splitlines()] == [f"{other}:9", f"{other}:21"]
    assert json.loads(run("constitution", "validate", str(other), "--json").out)["valid"] is False


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_one_line(run, tmp_path, content):
    """A missing file and one that is no text are told in one line, exit code 2."""
    file = tmp_path / "none.yaml"
    if content:
        file.write_bytes(content)
    for command in ("validate", "test", "sign"):
        said = run("constitution", command, str(file))

        assert (said.code, len(said.err.splitlines()), "Traceback" in said.err) == (2, 1, False)


def test_the_examples_are_run(run, house):
    """All hold: exit code 0. One fails: it is told with its place, exit code 1."""
    failing = changed(house, "elsewhere.example}}}, verdict: approve", "elsewhere.example}}}, verdict: deny")
    good, bad = (run("constitution", "test", str(file)) for file in (house, failing))

    assert (good.code, good.out) == (0, f"{house}: 3 of 3 examples hold\n")
    assert (bad.code, bad.out) == (1, f"{failing}: 2 of 3 examples hold\n")
    assert "mail-outside: tests[1]" in bad.err
    assert "expected deny, got approve" in bad.err


def test_a_verdict_is_explained(run, house):
    """The articles that matched, with who is asked, and those that almost did, with the value."""
    asked = run(
        "constitution", "explain", str(house), *SEND, '{"tool": {"arguments": {"to": "eve@x.example"}}}'
    )
    let = run(
        "constitution", "explain", str(house), *SEND, '{"tool": {"arguments": {"to": "a@house.example"}}}'
    )

    assert asked.code == 1
    assert "eve@x.example is not one of us (write to somebody in the house)" in asked.out
    assert "asked of role:approver; 1 must agree within 24 hours, not the requester" in asked.out
    assert let.code == 0
    assert "almost  mail-outside approve" in let.out
    assert "a@house.example" in let.out


def test_facts_may_come_from_a_file(run, house, tmp_path):
    """`@FILE` reads the facts; the answer as JSON is for programs."""
    facts = tmp_path / "facts.json"
    facts.write_text('{"tool": {"arguments": {"to": "eve@x.example"}}}')
    said = run("constitution", "explain", str(house), *SEND, f"@{facts}", "--json")

    assert json.loads(said.out)["verdict"] == "approve"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stage", "tool.cal", "--action", "x"), "did you mean 'tool.call'?"),
        (("--stage", "task", "--action", "x", "--facts", "{"), "--facts is not JSON"),
        (("--stage", "task", "--action", "x", "--facts", "[]"), "takes a JSON object"),
        (("--stage", "task", "--action", "x", "--facts", "@nothing"), "cannot be read"),
        (("--stage", "task", "--action", "x", "--facts", '{"a": 1}'), "no field 'a'"),
    ],
)
def test_a_wrong_question_is_one_line(run, house, arguments, message):
    """Mistakes are told in one line, exit code 2."""
    said = run("constitution", "explain", str(house), *arguments)

    assert (said.code, len(said.err.splitlines()), message in said.err) == (2, 1, True), said.err


def test_two_documents_are_compared(run, house):
    """Changed fields and reversed verdicts are shown, exit code 1; the same document is exit code 0."""
    other = changed(house, "@house.example')", "example')")
    said = run("constitution", "diff", str(house), str(other))
    told = json.loads(run("constitution", "diff", str(house), str(other), "--json").out)

    assert said.code == 1
    assert "~ mail-outside" in said.out
    assert "approve → allow" in said.out
    assert told["changed"]["mail-outside"].keys() == {"when"}
    assert (told["added"], len(told["decided"])) == ([], 1)
    assert run("constitution", "diff", str(house), str(house)).code == 0
    assert run("constitution", "diff", "shipped", "shipped").out == "the two say the same\n"


def test_a_document_is_signed_with_a_key(run, house, tmp_path):
    """The signature lies beside the document; without a key, or with failing examples, none is made."""
    key = SigningKey.create(tmp_path / "author.key")
    said = run("constitution", "sign", str(house), "--key", str(tmp_path / "author.key"))
    failing = changed(house, "elsewhere.example}}}, verdict: approve", "elsewhere.example}}}, verdict: deny")
    refused = run("constitution", "sign", str(failing), "--key", str(tmp_path / "author.key"))

    assert said.code == 0
    assert json.loads((tmp_path / "house.yaml.sig").read_text())["key"] == key.id
    assert (refused.code, "1 examples" in refused.err) == (2, True)
    assert not (tmp_path / "other.yaml.sig").exists()


def test_without_a_key_the_command_says_which_to_take(run, house, tmp_path, monkeypatch):
    """On a machine without a hub there is no key to take unless one is named."""
    monkeypatch.setenv("SOMA_DATA_DIR", str(tmp_path / "empty"))
    said = run("constitution", "sign", str(house))

    assert (said.code, "--key" in said.err) == (2, True)


def test_a_newcomers_way(soma, gateway, house):
    """Sign, publish, replay, activate and roll back, all by commands against a hub."""
    title = house.read_text().split("name: ")[1].split(",")[0] + "@1.0.0"
    before = json.loads(soma("constitution", "show", "--json").out)
    unsigned = soma("constitution", "publish", str(house))
    soma("constitution", "sign", str(house))
    published = soma("constitution", "publish", str(house))
    replayed = soma("constitution", "replay", "--candidate", title, "--since", "1h")
    replay = replayed.out.split(":")[0]
    activated = soma("constitution", "activate", title, "--replay", replay, "--reason", "house rules")
    listed = soma("constitution", "history")
    shown = soma("constitution", "show")
    rolled = soma("constitution", "rollback", "--reason", "enough")
    after = json.loads(soma("constitution", "show", "--json").out)

    assert (unsigned.code, "house.yaml.sig" in unsigned.err) == (2, True)
    assert (published.code, published.out.startswith(f"published {title}")) == (0, True), published.err
    assert (replayed.code, "the same" in replayed.out) == (0, True), replayed.err
    assert (activated.code, f"{title} (" in activated.out) == (0, True), activated.err
    assert title in listed.out
    assert "house rules" in listed.out
    assert "Mail to strangers needs a person" in shown.out
    assert (rolled.code, after["digest"]) == (0, before["digest"]), rolled.err


def test_a_second_person_is_told_what_to_do(soma, gateway, house, monkeypatch):
    """Without a look ahead an activation waits: exit code 1, and the line says how to go on."""
    title = house.read_text().split("name: ")[1].split(",")[0] + "@1.0.0"
    soma("constitution", "sign", str(house))
    soma("constitution", "publish", str(house))
    waiting = soma("constitution", "activate", title)
    number = waiting.out.split()[1]
    alone = soma("constitution", "confirm", number)
    withdrawn = soma("constitution", "withdraw", number)
    again = soma("constitution", "activate", title, "--json")
    token = gateway.client().create_token(f"bea-{number}", ["approver"]).secret
    monkeypatch.setenv("SOMA_TOKEN", token)
    confirmed = soma("constitution", "confirm", str(json.loads(again.out)["id"]))
    monkeypatch.delenv("SOMA_TOKEN")
    listed = soma("constitution", "history")
    soma("constitution", "rollback")

    assert (waiting.code, f"soma constitution confirm {number}" in waiting.out) == (1, True)
    assert (alone.code, "another person" in alone.err) == (2, True)
    assert (withdrawn.code, "is withdrawn" in withdrawn.out) == (0, True)
    assert (again.code, confirmed.code) == (1, 0), confirmed.err
    assert "is in force" in confirmed.out
    assert f"bea-{number}" in listed.out


def test_the_constitution_in_force_explains_itself(soma):
    """`active` is answered by the hub that is up, by what it obeys at the moment."""
    said = soma(
        "constitution", "explain", "active", "--stage", "tool.call", "--action", "shell.run", "--json"
    )

    told = json.loads(said.out)

    assert (told["stage"], told["constitution"].keys()) == ("tool.call", {"name", "version", "digest"})
    assert told["explanation"]["matched"]
    assert said.code == (1 if told["verdict"] in {"approve", "deny"} else 0)


def test_the_shadow_is_begun_told_and_ended(soma, house):
    """A published version goes into the shadow, is reported on, and leaves it."""
    title = house.read_text().split("name: ")[1].split(",")[0] + "@1.0.0"
    soma("constitution", "sign", str(house))
    soma("constitution", "publish", str(house))
    begun, told = soma("constitution", "shadow", title), soma("constitution", "shadow")
    both = soma("constitution", "shadow", title, "--off")
    ended, none = soma("constitution", "shadow", "--off"), soma("constitution", "shadow")

    assert (begun.code, told.code, ended.code) == (0, 0, 0), begun.err
    assert "it blocks nothing" in told.out
    assert (both.code, none.code) == (2, 2)
    assert "soma constitution shadow REF" in none.err


def test_a_replay_of_a_file_needs_no_publishing(soma, house):
    """A draft may be replayed; the report as JSON is for programs."""
    said = soma("constitution", "replay", "--candidate", str(house), "--since", "24h", "--json")
    report = json.loads(said.out)["report"]

    assert said.code == 0
    assert report["decisions"] == report["same"] + sum(report["changes"].values()) + report[
        "by_limits"
    ] + sum(item["count"] for item in report["undecided"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("replay", "--candidate", "nothing@1.0.0"), "there is no constitution 'nothing@1.0.0'"),
        (("replay", "--candidate", "none.yaml"), "cannot read none.yaml"),
        (("replay", "--candidate", "active", "--since", "soon"), "neither a time span"),
        (("activate", "nothing"), "names no version"),
        (("confirm", "1000000000"), "1000000000"),
        (("show", "nothing@1.0.0"), "there is no constitution"),
        (("diff", "shipped", "nothing@1.0.0"), "there is no constitution"),
    ],
)
def test_a_wrong_name_is_one_line(soma, arguments, message):
    """What is not there, or named wrongly, is told in one line, exit code 2."""
    said = soma("constitution", *arguments)

    assert (said.code, len(said.err.splitlines()), message in said.err) == (2, 1, True), said.err


def test_a_moment_is_a_span_or_a_date():
    """`24h` is a day ago; a date without a zone is UTC; anything else is told."""
    assert abs(datetime.now(UTC) - timedelta(hours=24) - moment("24h")) < timedelta(minutes=1)
    assert moment("2030-01-31") == datetime(2030, 1, 31, tzinfo=UTC)
    with pytest.raises(BadInput, match="neither a time span"):
        moment("30 days")

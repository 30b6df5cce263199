"""The document: every problem with its line, and nothing in force while there is one."""

import re
from pathlib import Path

import pytest

from blocks.constitution.document import ConstitutionInvalid, load_constitution, parse_constitution
from blocks.constitution.examples import check_examples
from blocks.constitution.stages import STAGES, variables

DOCS = Path(__file__).parents[3] / "docs"
HOWTO = (DOCS / "howto" / "write-a-constitution.md").read_text()
CONDITIONS = (DOCS / "concepts" / "conditions.md").read_text()

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\ndefault: deny\n'
GOOD = HEAD + "articles:\n  - {id: A-1, title: t, stages: [task], verdict: allow, reason: fine}\n"
ONE = "articles:\n  - id: A-1\n    title: t\n    stages: [tool.call]\n    verdict: deny\n    reason: r\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConstitutionInvalid) as caught:
        parse_constitution(text, "c.yaml")
    return caught.value.message.splitlines()


def test_a_good_document_is_compiled():
    """Name, version and digest are the document's."""
    constitution = parse_constitution(GOOD, "c.yaml")

    assert (constitution.name, constitution.version, constitution.default) == ("test", "1.0.0", "deny")
    assert len(constitution.digest) == 64


def test_the_digest_follows_the_content_and_not_its_writing():
    """Comments, order of keys and style change nothing; a word does."""
    restyled = (
        "# comment\n"
        + HEAD
        + ("articles:\n- reason: fine\n  verdict: allow\n  stages:\n  - task\n  title: 't'\n  id: A-1\n")
    )

    assert parse_constitution(GOOD, "a").digest == parse_constitution(restyled, "b").digest
    assert parse_constitution(GOOD, "a").digest != parse_constitution(GOOD.replace("fine", "fin"), "a").digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            HEAD + ONE + "    when: task.amont > 3\n",
            "c.yaml:11: articles[0].when: no field 'amont' in `task`",
        ),
        (
            HEAD + ONE + "    when: |\n      true\n        && tool.nme == 'x'\n",
            "c.yaml:13: articles[0].when: no field 'nme' in `tool`; did you mean 'name'?",
        ),
        (HEAD + ONE.replace("tool.call", "tool.cal"), "c.yaml:8: articles[0].stages[0]: input should be"),
        (
            HEAD + ONE.replace("reason: r", "reason: '{tool.nam}'"),
            "c.yaml:10: articles[0].reason: no field 'nam'",
        ),
        (HEAD + ONE.replace("reason: r", "reason: '{tool name}'"), "is no placeholder"),
        (HEAD + ONE.replace("reason: r", "reason: '{tool.name.x}'"), "string has no field 'x'"),
        (HEAD + ONE + "    wen: true\n", "c.yaml:11: articles[0].wen: unknown key; did you mean 'when'?"),
        (HEAD + ONE + "    principle: p\n", "c.yaml:11: articles[0].principle: no principle 'p'"),
        (HEAD + ONE + "    title: again\n", "c.yaml:11: articles[0].title"),
        (HEAD.replace('"1.0.0"', "1.0") + "articles: []\n", "write the version in quotes"),
        (HEAD.replace("default: deny\n", "") + "articles: []\n", "c.yaml:1: default: field required"),
        (
            HEAD + ONE.replace("[tool.call]", "[]"),
            "c.yaml:8: articles[0].stages: list should have at least 1",
        ),
        (
            HEAD + ONE.replace("verdict: deny", "verdict: no"),
            "c.yaml:9: articles[0].verdict: input should be",
        ),
        (HEAD + "articles: &a []\n", "c.yaml:5: not readable as YAML: anchors and aliases are not allowed"),
        (HEAD + "articles: [\n", "c.yaml:6: not readable as YAML"),
        (HEAD + "articles: !!python/object:os.system []\n", "not readable as YAML"),
        ("", "c.yaml:1: a constitution is a mapping of keys, this is not"),
        ("[1, 2]", "c.yaml:1: a constitution is a mapping of keys, this is not"),
        ("x" * 1_000_001, "a constitution has at most 1000000 characters"),
        ("[" * 5000, "not readable as YAML"),
        (HEAD + ONE + ONE.partition("\n")[2], "c.yaml:11: articles[1].id: a second article 'A-1'"),
        (
            HEAD + ONE + "    tests: [{stage: task, action: x, verdict: deny}]\n",
            "articles[0].tests[0].stage: the article does not speak of 'task'",
        ),
    ],
)
def test_a_problem_is_shown_at_its_line(text, expected):
    """Each mistake names the file, the line, the place and where possible the mend."""
    assert any(expected in line for line in problems(text)), problems(text)


def test_conditions_are_checked_beside_what_is_malformed():
    """One article's misspelt verdict does not hide another's misspelt field; near words are offered."""
    text = HEAD + ONE + "    when: tool.nme == 'x'\n" + ONE.partition("\n")[2].replace("A-1", "A-2")
    found = problems(text.replace("verdict: deny", "verdict: denny", 1) + "    when: tool.nam == 'x'\n")

    assert any("did you mean 'deny'" in line for line in found), found
    assert any("'nam'" in line for line in found), found


def test_all_problems_are_shown_at_once():
    """An author mends a document in one go."""
    text = (
        HEAD
        + ONE
        + "    when: tool.nme == 'x'\n"
        + ONE.partition("\n")[2].replace("A-1", "A-2")
        + ("    when: tool.name == 5\n")
    )

    assert len(problems(text)) == 2


def test_a_condition_is_checked_at_every_stage_that_its_article_names():
    """A field that one of the stages does not have is an error that names the stage."""
    text = HEAD + ONE.replace("[tool.call]", "[tool.call, task]") + "    when: tool.name == 'x'\n"

    assert len(problems(text)) == 1
    assert "c.yaml:11: articles[0].when: unknown variable 'tool'" in problems(text)[0]
    assert problems(text)[0].endswith("(at stage task)")


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path):
    """A missing file and one that is not UTF-8 are input errors, not tracebacks."""
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe")
    for name in ("missing.yaml", "latin.yaml"):
        with pytest.raises(ConstitutionInvalid, match="cannot read the constitution"):
            load_constitution(tmp_path / name)


def test_the_constitution_in_the_documentation_holds():
    """The page's example loads and its own examples hold."""
    found = re.search(r"```yaml\n(.*?)```", HOWTO, re.DOTALL)

    assert check_examples(parse_constitution(found[1], "write-a-constitution.md")) == []


@pytest.mark.parametrize("stage", STAGES)
def test_the_documentation_names_every_variable_and_field(stage):
    """What a condition may read stands on the page."""
    for name, kind in variables(stage).items():
        assert f"`{name}`" in CONDITIONS
        assert [field for field, _ in kind.fields if f"`{field}`" not in CONDITIONS] == []

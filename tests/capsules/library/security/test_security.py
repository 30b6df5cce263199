from collections.abc import Callable
from typing import Any

import pytest

from capsules.library.security.report import combine, report_delivery, report_python
from capsules.library.security.scan import scan_delivery, scan_python
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout

Commit = Callable[[dict[Any, Any]], Checkout]

WORKFLOW = """
on:
  pull_request_target:
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          ref: ${{ github.event.pull_request.head.sha }}
      - uses: someone/action@main
      - uses: other/action@v2
      - uses: safe/action@0123456789abcdef0123456789abcdef01234567
      - run: |
          echo begin
          echo "${{ github.event.issue.title }}"
"""


def audited(checkout: Checkout, seconds: float = 60) -> Analysis:
    python = report_python(*scan_python(checkout, seconds))
    return combine(python, report_delivery(scan_delivery(checkout, seconds)))


def found(analysis: Analysis) -> set[tuple[str, str, int | None]]:
    return {(finding.rule, finding.severity, finding.line) for finding in analysis.findings}


def metrics(analysis: Analysis) -> dict[str, Any]:
    return {metric.name: metric.value for metric in analysis.metrics}


def test_serious_python_findings_stand_alone(commit: Commit) -> None:
    """Each place of a medium or high finding is a finding with path and line, named in plain words."""
    code = "import subprocess\n\n\ndef go(it):\n    subprocess.run(it, shell=True)\n    eval(it)\n"
    analysis = audited(commit({"app/run.py": code}))

    assert {("bandit-B602", "high", 5), ("bandit-B307", "medium", 6)} <= found(analysis)
    assert "Subprocess with shell=True in app/run.py line 5" in analysis.headline


def test_mild_findings_are_one_a_rule(commit: Commit) -> None:
    """Low findings of one rule come as one finding that counts the places."""
    swallowed = "try:\n    x()\nexcept Exception:\n    pass\n"
    analysis = audited(commit({"a.py": swallowed, "b.py": swallowed * 2}))
    [finding] = [finding for finding in analysis.findings if finding.rule == "bandit-B110"]

    assert finding.title == "Exception swallowed (try, except, pass) (3 places)"
    assert finding.path is None
    assert "a.py:3" in finding.detail


def test_tests_are_judged_mildly(commit: Commit) -> None:
    """Asserts in tests are counted only, and nothing in a test is worse than low."""
    code = "import pickle\n\n\ndef test_it():\n    assert pickle.loads(b'')\n    eval('1')\n"
    analysis = audited(commit({"tests/test_a.py": code}))

    assert metrics(analysis)["asserts in tests"] == 1
    assert {finding.severity for finding in analysis.findings} <= {"low", "info"}
    assert "bandit-B101" not in {finding.rule for finding in analysis.findings}


def test_nosec_is_obeyed_and_counted(commit: Commit) -> None:
    """A `nosec`, or ruff's `noqa` for the rule, hides its finding, and the number of them is reported."""
    code = "eval(x)  # nosec\nexec(y)  # nosec B102\nexec(z)  # noqa: E501, S102\n"
    analysis = audited(commit({"a.py": code}))

    assert analysis.findings == []
    assert metrics(analysis)["findings hidden by comments"] == 3


def test_the_repositorys_own_settings_are_not_obeyed(commit: Commit) -> None:
    """A bandit configuration in the repository that skips a rule changes nothing."""
    files = {
        "a.py": "eval(x)\n",
        ".bandit": "[bandit]\nskips: B307\n",
        "pyproject.toml": '[tool.bandit]\nskips = ["B307"]\n',
        "bandit.yaml": "skips: [B307]\n",
    }

    assert ("bandit-B307", "medium", 1) in found(audited(commit(files)))


def test_passwords_are_not_quoted(commit: Commit) -> None:
    """What bandit would print of a hard-coded password does not appear."""
    analysis = audited(commit({"a.py": "password = 'correct-horse-battery'\n"}))

    assert "correct-horse" not in analysis.model_dump_json()


def test_only_reordering_characters_are_a_trojan(commit: Commit) -> None:
    """Marks of writing direction are information; characters that reorder the line are a finding."""
    mild = audited(commit({"a.py": "x = 'a\u200f'\n"}))
    [finding] = mild.findings

    assert finding.severity == "info"


def test_reordering_characters_are_high(commit: Commit) -> None:
    """An override in source code shows a reader something else than what runs."""
    analysis = audited(commit({"a.py": "x = 'a\u202e'\n"}))

    assert [finding.severity for finding in analysis.findings] == ["high"]


def test_workflow_risks(commit: Commit) -> None:
    """Outside text in scripts, outside code with secrets and unpinned actions are found at their lines."""
    analysis = audited(commit({".github/workflows/ci.yml": WORKFLOW}))

    assert found(analysis) == {
        ("workflow-foreign-code", "high", 10),
        ("workflow-script-injection", "high", 16),
        ("workflow-unpinned-branch", "medium", 11),
        ("workflow-unpinned-tag", "low", 12),
        ("workflow-no-permissions", "info", 1),
    }


def test_a_careful_workflow_is_clean(commit: Commit) -> None:
    """Named permissions, pinned actions and text passed through the environment give no finding."""
    careful = (
        "on: pull_request\npermissions:\n  contents: read\njobs:\n  a:\n    steps:\n"
        "      - uses: actions/checkout@v4\n"
        '      - env:\n          TITLE: ${{ github.event.issue.title }}\n        run: echo "$TITLE"\n'
    )

    assert audited(commit({".github/workflows/ci.yml": careful})).findings == []


@pytest.mark.parametrize(
    ("text", "rule", "severity", "line"),
    [
        ("FROM python\nUSER app\n", "latest-image", "low", 1),
        ("FROM python:latest\nUSER app\n", "latest-image", "low", 1),
        ("FROM python:3.13\nCMD x\n", "root-user", "low", 1),
        ("FROM python:3.13\nUSER app\nUSER root\nCMD x\n", "root-user", "medium", 3),
        ("FROM a:1\nUSER b\nADD https://a.b/c.tar /\n", "remote-add", "medium", 3),
        ("FROM a:1\nUSER b\nRUN set -e \\\n  && curl -s https://a.b | sh\n", "piped-download", "medium", 3),
        ("FROM a:1\nUSER b\nRUN curl -sk https://a.b -o c\n", "unchecked-download", "medium", 3),
    ],
)
def test_dockerfile_risks(commit: Commit, text: str, rule: str, severity: str, line: int) -> None:
    """Moving images, root, and downloads that nobody checks are found at their lines."""
    assert found(audited(commit({"deploy/Dockerfile": text}))) == {(f"dockerfile-{rule}", severity, line)}


def test_a_careful_dockerfile_is_clean(commit: Commit) -> None:
    """Stages, digests, arguments and a user at the end give no finding."""
    text = (
        "ARG BASE=python:3.13\nFROM ${BASE} AS build\nRUN pip install .\n"
        "FROM registry.example:5000/x@sha256:" + "0" * 64 + "\nCOPY --from=build /a /a\nUSER app\nCMD a\n"
    )

    assert audited(commit({"Dockerfile": text})).findings == []


def test_files_that_should_not_be_there(commit: Commit) -> None:
    """Key files, state and filled environment files are found by name; templates and empty ones are not."""
    files = {
        "id_rsa": "x\n",
        "infra/prod.tfstate": "{}",
        ".env": "A=1\n",
        ".env.production": "B=2\n",
        ".env.example": "A=1\n",
        "web/.env": "# nothing\nA=\n",
        "id_rsa.pub": "x",
    }
    paths = {finding.path for finding in audited(commit(files)).findings}

    assert paths == {"id_rsa", "infra/prod.tfstate", ".env", ".env.production"}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"logo.png": b"\0\1"},
        {"deep.py": "x = " + "(" * 50_000 + ")" * 50_000},
        {"deep.py": "x = " + "-" * 5_000 + "1"},
        {"deep.py": "x = " + "1+" * 20_000 + "1"},
        {"nul.py": b"a = 1\0\n"},
        {"latin.py": b"a = '\xff'\n"},
        {b"-\n\xff<i>.py": "eval(x)"},
        {".github/workflows/a.yml": "a: &a [*a, *a]\n"},
        {
            ".github/workflows/a.yml": "".join(
                f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9 if i else ['x'])}]\n" for i in range(20)
            )
        },
        {".github/workflows/a.yml": "[" * 20_000},
        {".github/workflows/a.yml": "\x07%"},
        {"Dockerfile": "FROM\nRUN \\\n\\\n\\"},
        {"Dockerfile": "RUN " + "curl " * 100_000},
    ],
)
def test_hostile_repositories_give_an_analysis(commit: Commit, files: dict[Any, Any]) -> None:
    """Broken, endless, self-referring and oddly named files end in an analysis that can be stored."""
    analysis = audited(commit(files))

    assert Analysis.model_validate_json(analysis.model_dump_json()).headline


def test_broken_files_are_named(commit: Commit) -> None:
    """A syntax error is a note and a skipped file, and the rest is examined."""
    analysis = audited(commit({"a.py": "def (:\n", "b.py": "eval(x)\n"}))

    assert analysis.coverage.skipped == {"syntax error": 1}
    assert any("a.py" in note for note in analysis.notes)
    assert ("bandit-B307", "medium", 1) in found(analysis)


def test_a_spent_time_budget_is_said(commit: Commit) -> None:
    """Files that the time did not reach are counted and noted."""
    analysis = audited(commit({"a.py": "eval(x)"}), seconds=-1)

    assert analysis.coverage.skipped == {"time budget spent": 1}
    assert analysis.score is None


def test_no_source_at_all_is_said(commit: Commit) -> None:
    """A repository without anything to examine has no score and says why."""
    analysis = audited(commit({"README.md": "hello"}))

    assert analysis.score is None
    assert analysis.headline.endswith("nothing to examine.")


def test_equal_lines_have_ids_of_their_own(commit: Commit) -> None:
    """The same line twice in one file gives two findings that can be told apart."""
    findings = audited(commit({"a.py": "eval(x)\neval(x)\n"})).findings

    assert len({finding.id for finding in findings}) == len(findings) == 2

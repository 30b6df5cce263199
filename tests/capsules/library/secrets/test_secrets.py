from collections.abc import Callable
from typing import Any

import pytest

from capsules.library.secrets.report import report_secrets
from capsules.library.secrets.scan import scan_checkout
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout

Commit = Callable[[dict[Any, Any]], Checkout]

# Made by joining, so that no scanner of this repository takes them for real ones.
GITHUB = "ghp_" + "aK93jfLsPq02mXzT7bVnR5cYwE8uHd41GiQo"
AWS = "AKIA" + "QYLPMN5HFIQR7XYA"
RANDOM = "9f8Kq2Lx" + "Vb7Tn4Rw" + "Zc1Mh6Yp"
KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "MIIEpAIBAAKCAQEA7bq3Zt9X" * 3 + "\n"


def audited(checkout: Checkout) -> Analysis:
    return report_secrets(scan_checkout(checkout, 60))


@pytest.mark.parametrize(
    ("path", "text", "kind", "severity"),
    [
        ("app/client.py", f'token = "{GITHUB}"\n', "github-token", "critical"),
        ("app/client.py", f'AWS_ID = "{AWS}"\n', "aws-access-key", "critical"),
        ("deploy/server.pem", KEY, "private-key", "critical"),
        ("app/settings.py", f'SECRET_KEY = "{RANDOM}"\n', "secret-keyword", "high"),
        (".env", f"DB_PASSWORD={RANDOM}\n", "secret-keyword", "high"),
        ("config/app.yaml", f"api_key: {RANDOM}\n", "secret-keyword", "high"),
        ("app/db.py", 'password = "Tr0ub4dor&3"\n', "secret-keyword", "medium"),
        (
            "app/db.py",
            f'URL = "postgres://app:{RANDOM}@db.company.com/x"\n',
            "basic-auth-credentials",
            "high",
        ),
        ("app/auth.js", f"const authToken = '{RANDOM}Qw8';\n", "base64-high-entropy-string", "high"),
    ],
)
def test_a_secret_in_the_product_is_found(
    commit: Commit, path: str, text: str, kind: str, severity: str
) -> None:
    """Keys of providers, private keys, passwords and random strings under a telling name are findings."""
    [finding] = audited(commit({path: text})).findings

    assert (finding.rule, finding.severity, finding.path, finding.line) == (
        f"secret-{kind}",
        severity,
        path,
        1,
    )


def test_no_value_leaves_the_scan(commit: Commit) -> None:
    """The analysis names type, path, line and a short fingerprint, and never the value or a part of it."""
    files = {
        "a.py": f'token = "{GITHUB}"\n',
        "tests/b.py": f'password = "{RANDOM}"\n',
        ".env": f"PWD={RANDOM}",
    }
    scan = scan_checkout(commit(files), 60)
    text = report_secrets(scan).model_dump_json() + repr(scan)

    for secret in (GITHUB, RANDOM):
        assert not any(secret[start : start + 8] in text for start in range(len(secret) - 8))


@pytest.mark.parametrize(
    "line",
    [
        'password = "changeme"',
        'SECRET_KEY = "your-secret-key-here-1234"',
        'API_KEY = "xxxxxxxxxxxxxxxxxxxx"',
        'password = os.environ["DB_PASSWORD"]',
        'password: "${DB_PASSWORD}"',
        "password = get_password(user)",
        'password_field_name = "new_password1"',
        'secret_name = "prod-database-7f3a"',
        'PASSWORD_RESET_TIMEOUT = "86400s0a"',
        'error = "The password is not right, try 1 more"',
        'sha256 = "' + "0123456789abcdef8f3a" * 3 + '"',
        'integrity = "sha512-' + RANDOM + '"',
        'url = "http://user:pass@localhost/"',
        'marker = "-----BEGIN RSA PRIVATE ' + 'KEY-----"',
        'aws_key = "AKIAIOSFODNN7EXAMPLE"',
        'address = "203.0.113.7"',
        f'build = "{RANDOM}"',
    ],
)
def test_what_only_looks_like_a_secret_is_left_out(commit: Commit, line: str) -> None:
    """Placeholders, references, names of fields, digests, markers and addresses are counted, not listed."""
    analysis = audited(commit({"app/settings.py": f"{line}\n"}))

    assert analysis.findings == []
    assert analysis.score == 100


def test_tests_and_documentation_are_judged_mildly(commit: Commit) -> None:
    """A value in a test is one mild finding a file; a real key format there still shows as low."""
    files = {
        "tests/test_a.py": f'password = "{RANDOM}"\nsecret = "{RANDOM}2"\n',
        "docs/k.md": f"t: {GITHUB}\n",
    }
    found = {(finding.path, finding.severity) for finding in audited(commit(files)).findings}

    assert found == {("tests/test_a.py", "info"), ("docs/k.md", "low")}


def test_lock_files_and_binaries_are_skipped_and_counted(commit: Commit) -> None:
    """What cannot or need not be read is in the coverage by its reason."""
    files = {
        "poetry.lock": f'secret = "{RANDOM}"',
        "logo.png": b"\x89PNG\0" + GITHUB.encode(),
        "huge.py": b"#" * 1_000_001,
        "ok.py": "pass\n",
    }
    coverage = audited(commit(files)).coverage

    assert coverage.skipped == {"binary": 1, "larger than 1,000,000 bytes": 1, "lock file": 1}
    assert (coverage.examined, coverage.total) == (1, 4)


def test_an_allowlist_comment_is_counted(commit: Commit) -> None:
    """A line that somebody has marked as checked is no finding, and the metric says how many there are."""
    analysis = audited(commit({"app.py": f'token = "{GITHUB}"  # pragma: allowlist secret\n'}))

    assert analysis.findings == []
    assert {metric.name: metric.value for metric in analysis.metrics}["excused by a comment"] == 1


def test_ids_outlive_moved_lines(commit: Commit, tmp_path: Any) -> None:
    """The id of a finding stays the same when lines are put before it, and differs between two secrets."""
    first = audited(commit({"a.py": f'token = "{GITHUB}"\n'})).findings
    (tmp_path / "example").rename(tmp_path / "before")
    second = audited(commit({"a.py": f'\n\ntoken = "{GITHUB}"\nkey = "{AWS}"\n'})).findings

    assert first[0].id == second[0].id
    assert second[0].id != second[1].id


@pytest.mark.parametrize(
    "files",
    [
        {},
        {b"new\nline<b>\xff.py": f'token = "{GITHUB}"\n'},
        {"-rf": b"\xff\xfe\x00\x01"},
        {"a.py": ('password = "' + "password=" * 20_000)},
        {"a.py": "\n".join(['password="' + "secret" * 150] * 300)},
        {"a.yaml": "password:\n  - &a [*a]\n" + "{" * 5000},
    ],
)
def test_hostile_repositories_give_an_analysis(commit: Commit, files: dict[Any, Any]) -> None:
    """Odd names, bytes, endless lines and patterns end in an analysis that can be stored."""
    analysis = audited(commit(files))

    assert Analysis.model_validate_json(analysis.model_dump_json()).headline


def test_a_spent_time_budget_is_said(commit: Commit) -> None:
    """Files that the time did not reach are counted and noted."""
    analysis = report_secrets(scan_checkout(commit({"a.py": "x", "b.py": "y"}), -1))

    assert analysis.coverage.skipped == {"time budget spent": 2}
    assert analysis.score is None
    assert any("2 of 2 files" in note for note in analysis.notes)

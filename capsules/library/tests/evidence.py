"""What configuration and imports say about test frameworks, continuous integration and coverage."""

import json
import re
from dataclasses import dataclass, field

_FRAMEWORKS: tuple[tuple[str, str], ...] = (
    ("pytest", r"^[ \t]*(?:import|from) pytest\b"),
    ("unittest", r"^[ \t]*(?:import unittest\b|from unittest import (?!mock))"),
    ("hypothesis", r"^[ \t]*(?:import|from) hypothesis\b"),
    ("Django test", r"^[ \t]*from django\.test\b"),
    ("JUnit", r"^[ \t]*import (?:static )?org\.junit\b"),
    ("TestNG", r"^[ \t]*import org\.testng\b"),
    ("ScalaTest", r"^[ \t]*import org\.scalatest\b"),
    ("NUnit", r"^[ \t]*using NUnit\b"),
    ("xUnit", r"^[ \t]*using Xunit\b"),
    ("MSTest", r"^[ \t]*using Microsoft\.VisualStudio\.TestTools\b"),
    ("GoogleTest", r"#include [<\"]gtest/"),
    ("Catch2", r"#include [<\"]catch2?[/.]"),
    ("Boost.Test", r"#include [<\"]boost/test/"),
    ("XCTest", r"^[ \t]*(?:@testable )?import XCTest\b"),
    ("PHPUnit", r"\bPHPUnit\\"),
    ("RSpec", r"^[ \t]*(?:RSpec\.)?describe\b.* do\b"),
    ("minitest", r"require [\"']minitest|Minitest::Test"),
    ("ExUnit", r"^[ \t]*use ExUnit\.Case\b"),
    ("node:test", r"[\"']node:test[\"']"),
    ("Vitest", r"[\"']vitest[\"']"),
    ("Jest", r"[\"']@jest/globals[\"']"),
    ("Playwright", r"^import .*[\"']@playwright/test[\"']|^[ \t]*from playwright\b"),
    ("bats", r"^@test\b"),
)
_SCRIPT = ("JavaScript", "TypeScript")
_ONLY_IN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("node:test", "Vitest", "Jest"), _SCRIPT),
    "Playwright": (*_SCRIPT, "Python"),
    **dict.fromkeys(("RSpec", "minitest"), ("Ruby",)),
    "PHPUnit": ("PHP",),
    "bats": ("Shell",),
}
_BY_NAME: tuple[tuple[str, str], ...] = (
    ("pytest", r"(^|/)(pytest\.ini|conftest\.py)$"),
    ("tox", r"^tox\.(ini|toml)$"),
    ("nox", r"^noxfile\.py$"),
    ("go test", r"_test\.go$"),
    ("Jest", r"(^|/)jest\.config\.\w+$"),
    ("Vitest", r"(^|/)vitest\.config\.\w+$"),
    ("Cypress", r"(^|/)cypress\.(config\.\w+|json)$"),
    ("Playwright", r"(^|/)playwright\.config\.\w+$"),
    ("Karma", r"(^|/)karma\.conf\.\w+$"),
    ("PHPUnit", r"^phpunit\.xml(\.dist)?$"),
    ("RSpec", r"^\.rspec$"),
)
_PACKAGES = {
    "jest": "Jest",
    "vitest": "Vitest",
    "mocha": "Mocha",
    "ava": "AVA",
    "jasmine": "Jasmine",
    "cypress": "Cypress",
    "@playwright/test": "Playwright",
    "tap": "tap",
    "karma": "Karma",
}
_CI: tuple[tuple[str, str], ...] = (
    ("GitHub Actions", r"^\.github/workflows/[^/]+\.ya?ml$"),
    ("GitLab CI", r"^\.gitlab-ci\.ya?ml$|^\.gitlab/ci/.*\.ya?ml$"),
    ("CircleCI", r"^\.circleci/config\.ya?ml$"),
    ("Jenkins", r"^Jenkinsfile$"),
    ("Azure Pipelines", r"^\.?azure-pipelines.*\.ya?ml$|^\.azure-pipelines/"),
    ("Travis", r"^\.travis\.ya?ml$"),
    ("Drone", r"^\.drone\.ya?ml$"),
    ("Bitbucket Pipelines", r"^bitbucket-pipelines\.ya?ml$"),
    ("AppVeyor", r"^\.?appveyor\.ya?ml$"),
    ("Buildkite", r"^\.buildkite/"),
    ("Woodpecker", r"^\.woodpecker(\.ya?ml|/)"),
    ("Cirrus", r"^\.cirrus\.ya?ml$"),
    ("Forgejo Actions", r"^\.(forgejo|gitea)/workflows/[^/]+\.ya?ml$"),
    ("Zuul", r"^\.?zuul(\.d/|\.ya?ml$)"),
    ("scripts in .ci", r"^\.ci/"),
)
_RUNNERS = (
    "pytest|py\\.test|tox|nox|unittest|nosetests|phpunit|rspec|ctest|gotestsum|nextest|jest|vitest|mocha|bats"
)
_TOOLS = (
    "npm|yarn|pnpm|bun|go|cargo|dotnet|mix|swift|flutter|dart|bazel|hatch|just|make|rake|task|deno|lein|sbt|zig|"
    "composer|stack|cabal|dune|julia|meson|poe|pdm|rye|invoke|inv|nx|turbo"
)
_RUNS_TESTS = re.compile(
    rf"\b(?:{_RUNNERS})\b|\b(?:{_TOOLS})\b[^\n]{{0,120}}\b(?:tests?|check|verify)\b"
    r"|\b(?:mvnw?|gradlew?)\b[^\n]{0,120}\b(?:test|verify|check|build|install|package)\b"
    r"|\b(?:manage|setup)\.py test\b|\btests?[-_\w]{0,40}\.(?:sh|py|pl)\b",
    re.IGNORECASE,
)
_COVERAGE = re.compile(
    r"\[tool\.coverage\b|\[coverage:|^\[(?:run|report)\]|--cov\b|\bpytest-cov\b|codecov"
    r"|\bcoverage (?:run|xml|report)\b|coveralls|collectCoverage|coverageThreshold|jacoco"
    r"|-coverprofile|simplecov|coverlet|\bnyc\b|\bc8\b|cargo[- ](?:tarpaulin|llvm-cov)",
    re.MULTILINE | re.IGNORECASE,
)
_THRESHOLD = re.compile(
    r"(?:fail[_-]under[ \t]{0,9}[=:]?[ \t]{0,9}|--cov-fail-under[= ])[\"']?(\d{1,3}(?:\.\d{1,3})?)",
    re.IGNORECASE,
)
_CONFIGURED = re.compile(
    r"^(pyproject\.toml|setup\.(cfg|py)|tox\.(ini|toml)|pytest\.ini|noxfile\.py|\.coveragerc|\.?codecov\.ya?ml"
    r"|\.coveralls\.yml|\.nycrc(\.\w+)?|[\w-]*/?package\.json|(jest|vitest)\.config\.\w+|build\.gradle(\.kts)?|pom\.xml|Makefile"
    r"|Cargo\.toml|requirements[\w/-]*\.(txt|in)|Rakefile)$"
)
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_BY_NAME_C = [(name, re.compile(pattern)) for name, pattern in _BY_NAME]
_FRAMEWORKS_C = [(name, re.compile(pattern, re.MULTILINE)) for name, pattern in _FRAMEWORKS]
_CI_C = [(name, re.compile(pattern)) for name, pattern in _CI]


@dataclass(kw_only=True)
class Evidence:
    frameworks: set[str] = field(default_factory=set)
    ci: dict[str, list[str]] = field(default_factory=dict)
    """Files by the service that reads them."""
    ci_runs_tests: str | None = None
    """The first place in those files that seems to run tests."""
    coverage: str | None = None
    """The first file that speaks of coverage."""
    threshold: str | None = None
    """The percentage below which the build fails."""


def is_interesting(path: str) -> bool:
    """Whether the content of a file that is no test may say something."""
    return bool(_CONFIGURED.match(path)) or any(pattern.search(path) for _, pattern in _CI_C)


def see_name(evidence: Evidence, path: str) -> None:
    evidence.frameworks.update(name for name, pattern in _BY_NAME_C if pattern.search(path))


def see_test(evidence: Evidence, text: str, language: str | None) -> None:
    """Take in what a test file imports; a framework counts only in files of its own language."""
    evidence.frameworks.update(
        name
        for name, pattern in _FRAMEWORKS_C
        if language in _ONLY_IN.get(name, (language,)) and pattern.search(text)
    )


def see_configuration(evidence: Evidence, path: str, text: str) -> None:
    """Take in what a configuration file or a CI file says; nothing in it is carried out."""
    bare = _COMMENT.sub("", text)
    for service, pattern in _CI_C:
        if pattern.search(path):
            evidence.ci.setdefault(service, []).append(path)
            runs = _RUNS_TESTS.search(bare)
            if runs and evidence.ci_runs_tests is None:
                evidence.ci_runs_tests = f"{path}: {_line(bare, runs.start())}"
    if evidence.coverage is None and (_COVERAGE.search(bare) or path.startswith((".coveragerc", ".nycrc"))):
        evidence.coverage = path
    threshold = _THRESHOLD.search(bare)
    if threshold and evidence.threshold is None:
        evidence.threshold = threshold[1]
    if re.search(r"\[tool[.:]pytest\b|\[pytest\]", bare):
        evidence.frameworks.add("pytest")
    if path.endswith("package.json"):
        evidence.frameworks.update(_packages(text))


def _line(text: str, at: int) -> str:
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    return " ".join(text[start : end if end >= 0 else None].split())[:120]


def _packages(text: str) -> set[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    named: set[str] = set()
    for section in ("dependencies", "devDependencies"):
        packages = document.get(section) if isinstance(document, dict) else None
        named.update(packages if isinstance(packages, dict) else ())
    return {framework for package, framework in _PACKAGES.items() if package in named}

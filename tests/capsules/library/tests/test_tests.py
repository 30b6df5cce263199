import pytest

from capsules.library.tests.counting import count_skipped, count_tests
from capsules.library.tests.evidence import Evidence, see_configuration
from capsules.library.tests.reading import read_tests
from capsules.library.tests.report import describe

MODULE = "def work():\n" + "".join(f"    x{n} = {n}\n" for n in range(12))


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("Python", "def test_a():\n  pass\nclass T:\n  async def test_b(self): ...\ndef helper(): ...\n", 2),
        ("JavaScript", "describe('x', () => {\n  it('a', f)\n  test.each([1])('b', f)\n  visit(1)\n})\n", 2),
        ("TypeScript", "test('a', () => {})\n", 1),
        ("Go", "func TestA(t *testing.T) {}\nfunc helper() {}\nfunc ExampleB() {}\n", 2),
        ("Java", "@Test void a() {}\n@ParameterizedTest\nvoid b() {}\n@TestConfiguration class C {}\n", 2),
        ("C++", "TEST(A, b) {}\nTEST_F(A, c) {}\nint testing;\n", 2),
        ("C#", "[Fact] void A() {}\n[TestMethod] void B() {}\n", 2),
        ("Ruby", "it 'works' do\nend\ndef test_b\nend\n", 2),
        ("PHP", "public function testA() {}\n", 1),
        ("HTML", "test", 0),
    ],
)
def test_tests_are_counted_by_the_words_of_their_language(language: str, text: str, number: int) -> None:
    """Each language's usual ways to declare a test are counted, helpers are not."""
    assert count_tests(text, language, is_test=True) == number


def test_tests_inside_sources_count_where_that_is_usual() -> None:
    """Rust has its unit tests beside the code; a Python function called test_ in a source is none."""
    assert count_tests("#[test]\nfn a() {}\n#[tokio::test]\nasync fn b() {}\n", "Rust", is_test=False) == 2
    assert count_tests("def test_connection():\n    pass\n", "Python", is_test=False) == 0


def test_skipped_tests_are_counted() -> None:
    """Marks of several frameworks are known."""
    assert (
        count_skipped("@pytest.mark.skip\n@unittest.skip('x')\nit.skip('a')\n@Disabled\nt.Skip('b')\n") == 5
    )


@pytest.mark.parametrize(
    ("path", "text", "runs"),
    [
        (".github/workflows/ci.yml", "run: pytest -q\n", True),
        (".github/workflows/ci.yml", "run: npm ci && npm run test\n", True),
        (".github/workflows/ci.yml", "run: ./gradlew build\n", True),
        (".github/workflows/ci.yml", "run: cargo nextest run\n", True),
        (".gitlab-ci.yml", "script:\n  - make check\n", True),
        (".ci/run", "#!/bin/sh\nmake test\n", True),
        (".github/workflows/docs.yml", "run: mkdocs build\n", False),
        (".github/workflows/ci.yml", "# run: pytest\nrun: ruff check\n", False),
        ("README.md", "run: pytest\n", False),
    ],
)
def test_ci_that_runs_tests_is_recognised(path: str, text: str, runs: bool) -> None:
    """A command that runs tests, in a file that CI reads, and not in a comment."""
    evidence = Evidence()
    see_configuration(evidence, path, text)

    assert (evidence.ci_runs_tests is not None) is runs


def test_a_well_tested_project_reads_well(commit) -> None:
    """Framework, CI, coverage with its threshold and the module that no test mentions are told."""
    checkout = commit(
        {
            "src/shop/core.py": MODULE.replace("work", "compute"),
            "src/shop/forgotten.py": MODULE.replace("work", "forget"),
            "tests/test_core.py": "import pytest\nfrom shop.core import compute\n\n\n"
            + "".join(f"def test_{n}():\n    assert compute() is None\n" for n in range(10)),
            "pyproject.toml": "[tool.pytest.ini_options]\n[tool.coverage.report]\nfail_under = 90\n",
            ".github/workflows/ci.yml": "jobs:\n  test:\n    steps:\n      - run: pytest --cov\n",
        }
    )
    analysis = describe(read_tests(checkout, 60))

    assert analysis.headline == (
        "10 tests in 1 file with pytest; GitHub Actions runs them; no test mentions 1 of 2 Python modules."
    )
    assert analysis.score == 90  # 40, 30 and 10 in full, and half of 20
    assert [finding.rule for finding in analysis.findings] == ["tests.unmentioned-modules"]
    assert "src/shop/forgotten.py (13 lines)" in analysis.findings[0].detail
    assert "fails below 90 %" in next(metric.note for metric in analysis.metrics if metric.name == "coverage")


@pytest.mark.parametrize(
    "text",
    [
        "import shop.core",
        "from shop import core",
        "from shop.core import compute",
        "from src.shop.core import compute",
        "from shop import compute",
        "import shop\nshop.compute()",
    ],
)
def test_a_module_is_mentioned_by_import_or_by_a_name_of_its_own(commit, text: str) -> None:
    """Whichever way the test reaches the module, it counts as mentioned."""
    checkout = commit(
        {
            "src/shop/core.py": MODULE.replace("work", "compute"),
            "tests/test_x.py": f"{text}\ndef test(): pass\n",
        }
    )

    assert read_tests(checkout, 60).unmentioned == []


def test_no_tests_is_one_finding(commit) -> None:
    """Without tests nothing else is worth saying."""
    analysis = describe(read_tests(commit({"a.py": MODULE}), 60))

    assert analysis.score == 0
    assert [(finding.rule, finding.severity) for finding in analysis.findings] == [("tests.none", "high")]


def test_ci_that_does_not_test_is_a_finding(commit) -> None:
    """A workflow that only builds the pages leaves the tests idle."""
    checkout = commit(
        {
            "a.py": MODULE,
            "test_a.py": "def test_a(): pass\n",
            ".github/workflows/docs.yml": "run: mkdocs build\n",
        }
    )
    rules = [finding.rule for finding in describe(read_tests(checkout, 60)).findings]

    assert "tests.ci-without-tests" in rules
    assert "tests.no-ci" not in rules


@pytest.mark.parametrize("files", [{"a.bin": b"\0"}, {"README.md": "# Hi\n"}, {"package.json": "["}])
def test_a_tree_without_code_has_nothing_to_test(commit, files) -> None:
    """Binaries, prose and broken configuration give a clear answer, no failure."""
    analysis = describe(read_tests(commit(files), 60))

    assert analysis.score is None
    assert analysis.headline == "No source code: there is nothing to test."


def test_patterns_do_not_take_longer_on_texts_made_for_that(commit) -> None:
    """Long runs of blanks, line breaks and half commands are read like any other text."""
    checkout = commit(
        {
            "a.py": MODULE,
            "tests/test_a.py": "def test_a(): pass\n" + " " * 300_000 + "\n" * 90_000,
            ".github/workflows/ci.yml": "npm " * 50_000 + "\n" * 100_000 + "fail_under" + " " * 90_000,
        }
    )

    assert read_tests(checkout, 60).coverage.examined == 3


def test_a_spent_budget_is_counted(commit) -> None:
    """Files for which there was no time are in the coverage and in a note."""
    reading = read_tests(commit({"a.py": MODULE, "test_a.py": "def test_a(): pass\n"}), 0)

    assert reading.coverage.skipped == {"out of time": 2}

import pytest

from capsules.library.quality.complexity import read_complexity
from capsules.library.quality.duplication import find_duplicates
from capsules.library.quality.lint import run_ruff, target_version
from capsules.library.quality.maintainability import read_maintainability
from capsules.library.quality.report import describe

HARD = (
    "def hard(a):\n"
    + "".join(f"    if a == {n}:\n        return {n}\n" for n in range(30))
    + "    return a\n"
)
BLOCK = "".join(f"    total_{n} = first_{n} + second_{n}\n" for n in range(16))


def examine(checkout, seconds=60):
    return describe(
        read_complexity(checkout, seconds),
        find_duplicates(checkout, seconds),
        run_ruff(checkout, seconds),
        read_maintainability(checkout, seconds),
    )


def test_hard_functions_are_named(commit) -> None:
    """A function above the limit is a finding with its place; tests and vendored code are not judged."""
    analysis = examine(commit({"a.py": "x = 1\n\n" + HARD, "tests/test_a.py": HARD, "vendor/b.py": HARD}))
    found = [finding for finding in analysis.findings if finding.rule == "quality.complex-function"]

    assert [(finding.path, finding.line, finding.title) for finding in found] == [
        ("a.py", 3, "hard has complexity 31")
    ]
    assert analysis.headline.startswith(
        "1 of 1 functions have a complexity above 15, the hardest is hard in a.py"
    )


def test_a_copied_block_is_found_whatever_the_white_space(commit) -> None:
    """Equal lines in two files are one finding, also when indentation, comments and blank lines differ."""
    other = BLOCK.replace("    ", "\t\t").replace("total_7 =", "total_7 =").replace("\n", "\n\n", 3)
    checkout = commit({"a.py": f"def a():\n{BLOCK}", "b.py": f"def b():\n\tif b:\n# a remark\n{other}"})
    found = find_duplicates(checkout, 60)

    assert [(block.lines, [place.path for place in block.places]) for block in found.blocks] == [
        (16, ["a.py", "b.py"])
    ]
    assert (found.blocks[0].places[0].first, found.blocks[0].places[0].last) == (2, 17)
    assert found.copied == 16


@pytest.mark.parametrize("start", range(6))
def test_every_block_of_ten_lines_is_found(commit, start: int) -> None:
    """Wherever a block of the least length begins, winnowing does not miss it."""
    block = "".join(f"value_{n} = compute_{n}()\n" for n in range(10))
    before = "".join(f"other_{n} = {n}\n" for n in range(start))
    found = find_duplicates(commit({"a.py": block, "b.py": before + block + "end = 1\n"}), 60)

    assert [block.lines for block in found.blocks] == [10]


def test_nine_lines_imports_and_tables_are_no_copies(commit) -> None:
    """Short blocks, imports and the same line over and over are left alone."""
    nine = "".join(f"value_{n} = compute_{n}()\n" for n in range(9))
    imports = "".join(f"import module_{n}\n" for n in range(20))
    table = "    0,\n" * 60
    checkout = commit({"a.py": nine + imports, "b.py": imports + nine, "c.py": f"x = [\n{table}]\n"})

    assert find_duplicates(checkout, 60).blocks == []


def test_what_cannot_work_is_told_line_by_line(commit) -> None:
    """Undefined names and files that do not parse are single findings of high severity."""
    analysis = examine(commit({"a.py": "def f():\n    return missing\n", "b.py": "def f(:\n"}))
    serious = {
        (finding.rule, finding.path, finding.line)
        for finding in analysis.findings
        if finding.severity == "high"
    }

    assert serious == {("ruff.F821", "a.py", 2), ("ruff.invalid-syntax", "b.py", 1)}
    assert "cannot work as written" in analysis.headline


def test_remarks_of_one_rule_are_one_finding(commit) -> None:
    """Forty unused imports are one thing to do, not forty."""
    checkout = commit({f"m{n}.py": f"import os, sys\nx = {n}\n" for n in range(20)})
    found = [finding for finding in examine(checkout).findings if finding.rule == "ruff.F401"]

    assert [finding.title for finding in found] == ["Unused import: 40 places in 20 files"]
    assert found[0].severity == "low"


@pytest.mark.parametrize("name", ["ruff.toml", ".ruff.toml", "pyproject.toml"])
def test_the_configuration_of_the_repository_is_not_obeyed(commit, name: str) -> None:
    """Whatever the repository says to ruff, even nonsense, the same problems are found."""
    section = "[tool.ruff]\n" if name == "pyproject.toml" else ""
    configuration = f'{section}extend = "/etc/passwd"\nexclude = ["*"]\n'
    found = run_ruff(commit({name: configuration, "a.py": "print(missing)\n"}), 60)

    assert [problem.rule for problem in found.problems] == ["F821"]


def test_a_file_that_crashes_ruff_hides_no_other(commit) -> None:
    """The one file is left out and counted, the rest is checked."""
    checkout = commit(
        {"a.py": "print(missing)\n", "deep.py": "x = " + "-" * 100_000 + "1\n", "z.py": "print(gone)\n"}
    )
    found = run_ruff(checkout, 60)

    assert {problem.path for problem in found.problems} == {"a.py", "z.py"}
    assert found.coverage.skipped == {"not read by ruff": 1}


def test_names_of_files_are_never_options(commit) -> None:
    """A file that is called like an option, or whose name is no text, is a file."""
    names = ["--fix.py", "new\nline.py", b"caf\xe9.py"]
    found = run_ruff(commit(dict.fromkeys(names, "print(missing)\n")), 60)

    assert {problem.path for problem in found.problems} == {"--fix.py", "new\nline.py", "caf\\xe9.py"}


@pytest.mark.parametrize(
    ("wanted", "target"),
    [('">=3.9"', "py39"), ('">3.11.2,<4"', "py311"), ('"nonsense"', "py310"), ("5", "py310")],
)
def test_the_oldest_supported_python_is_read_from_the_project(commit, wanted: str, target: str) -> None:
    """`requires-python` is data: a wrong one is ignored."""
    assert target_version(commit({"pyproject.toml": f"[project]\nrequires-python = {wanted}\n"})) == target


def test_newer_syntax_than_promised_is_no_broken_file(commit) -> None:
    """A match statement in a project that supports Python 3.9 is not a syntax error."""
    code = "def f(a):\n    match a:\n        case 1:\n            return a\n"
    checkout = commit({"pyproject.toml": '[project]\nrequires-python = ">=3.9"\n', "a.py": code})

    assert run_ruff(checkout, 60).problems == []


@pytest.mark.parametrize("files", [{"a.bin": b"\0"}, {"README.md": "# Hi\n"}, {"data.json": "{}"}])
def test_a_tree_without_code_has_no_score(commit, files) -> None:
    """Where nothing can be measured the analysis says so."""
    analysis = examine(commit(files))

    assert analysis.score is None
    assert "nothing to examine" in analysis.headline


def test_a_spent_budget_is_said_for_each_part(commit) -> None:
    """Without any time nothing is examined, and nothing fails."""
    checkout = commit({"a.py": HARD})

    assert run_ruff(checkout, 0).coverage.skipped == {"out of time": 1}
    assert read_complexity(checkout, 0).coverage.skipped == {"out of time": 1}
    assert find_duplicates(checkout, 0).coverage.skipped == {"out of time": 1}
    assert read_maintainability(checkout, 0).coverage.skipped == {"out of time": 1}

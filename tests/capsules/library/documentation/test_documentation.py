import pytest

from capsules.library.documentation.docstrings import is_public_module, read_docstrings
from capsules.library.documentation.links import check_links
from capsules.library.documentation.markdown import read_markdown, slug_of
from capsules.library.documentation.reading import read_documentation
from capsules.library.documentation.readme import read_readme
from capsules.library.documentation.report import describe

GOOD = b"""# Example

Example turns requests into answers, quickly and without any set-up of your own.

## Install

    pip install example

## Contributing

Run `pytest` first. The licence is MIT.
"""


def test_a_good_readme_has_all_parts() -> None:
    """Title, purpose, installation, use, licence, contributing and tests are recognised."""
    readme = read_readme("README.md", GOOD)

    assert readme is not None
    assert readme.parts == {"title", "description", "install", "usage", "licence", "contributing", "tests"}


def test_a_readme_in_restructuredtext_is_read_too() -> None:
    """Underlined titles and literal blocks count as in Markdown."""
    text = b"Example\n=======\n\nIt turns requests into answers, quickly.\n\nUse it::\n\n    run()\n"
    readme = read_readme("README.rst", text)

    assert readme is not None
    assert {"title", "description", "usage"} <= readme.parts
    assert "install" not in readme.parts


def test_what_is_missing_is_named(commit) -> None:
    """The headline says which parts neither the README nor a file of its own has."""
    analysis = describe(read_documentation(commit({"README.md": "# X\n", "LICENSE": "MIT"}), 60))

    assert analysis.headline == (
        "The README lacks a sentence on what the project is for, how to install it, how to use it, "
        "how to contribute and how to run the tests."
    )
    assert {finding.rule for finding in analysis.findings} >= {"documentation.no-security"}
    assert "documentation.no-license" not in {finding.rule for finding in analysis.findings}


def test_public_names_without_a_docstring_are_counted(commit) -> None:
    """Private names, overloads, setters and inner functions need none; modules, classes and methods do."""
    code = '''"""Module."""
from typing import overload


class Known:
    """Doc."""

    def method(self): ...

    def _private(self): ...

    @property
    def size(self):
        """Doc."""

    @size.setter
    def size(self, value): ...


@overload
def f(a): ...


def f(a):
    def inner(): ...
'''
    [file] = read_docstrings(
        commit({"package/a.py": code, "package/_b.py": "x", "tests/c.py": "y"}), 60
    ).files

    assert (file.public, file.documented) == (5, 3)  # module, Known, method, size, f
    assert [name for name, _ in file.missing] == ["Known.method", "f"]


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("src/a.py", True),
        ("src/__init__.py", True),
        ("src/_a.py", False),
        ("_internal/a.py", False),
        ("tests/a.py", False),
        ("setup.py", False),
        ("docs/conf.py", False),
    ],
)
def test_only_modules_that_users_import_are_public(path: str, public: bool) -> None:
    """An underscore anywhere, tests, documentation and scripts are not for users."""
    assert is_public_module(path) is public


def test_dead_links_are_found_inside_the_tree(commit) -> None:
    """Missing files and headings are dead; what lies elsewhere or in code is not looked at."""
    page = """# A title

[good](docs/page.md) [folder](docs) [root](/docs/page.md) [anchor](docs/page.md#part-two--more)
[own](#a-title) [site](https://example.org/x.md) [mail](mailto:a@b.org)
[issues](../../issues) [outside](../../../etc/passwd)
[generated](docs/page.html) [slash](docs/page/) [template]({{ site.url }}/x) [query](docs/page.md?raw=1)
[named](#here) <a name="here"></a> `[code](nowhere.md)` ![picture](docs/no.png)
[dead](docs/gone.md) [lost](docs/page.md#no-such) [spaced](docs/a%20b.md)

```
[fenced](nowhere.md)
```
"""
    files = {"README.md": page, "docs/page.md": "# Part two & more\n", "docs/a b.md": "x"}
    found = check_links(commit(files), 60)

    assert {(link.target, link.why) for link in found.dead} == {
        ("docs/no.png", "there is no such file"),
        ("docs/gone.md", "there is no such file"),
        ("docs/page.md#no-such", "that page has no such heading"),
    }


def test_links_of_one_page_are_one_finding(commit) -> None:
    """A page with many dead links is one thing to do."""
    page = "".join(f"[a](gone{n}.md)\n" for n in range(30))
    analysis = describe(read_documentation(commit({"README.md": page}), 60))
    found = [finding for finding in analysis.findings if finding.rule == "documentation.dead-links"]

    assert [finding.title for finding in found] == ["30 relative links are dead"]


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Part two & more", "part-two--more"), ("What's `new`?", "whats-new"), ("Über uns", "über-uns")],
)
def test_anchors_are_those_of_github(title: str, slug: str) -> None:
    """Letters of any language stay, punctuation goes, blanks become hyphens."""
    assert slug_of(title.replace("`", "")) == slug


def test_a_second_heading_of_the_same_name_has_a_number() -> None:
    """Both can be linked."""
    assert read_markdown(b"# A\n\n# A\n").anchors == ["a", "a-1"]


def test_texts_made_to_hang_a_parser_do_no_harm(commit) -> None:
    """Deep nesting and endless brackets cost their own page at most."""
    checkout = commit(
        {"README.md": GOOD, "deep.md": ">" * 50_000 + "[" * 50_000, "gone.md": "[a](nowhere.md)"}
    )
    found = check_links(checkout, 60)

    assert [link.path for link in found.dead] == ["gone.md"]


@pytest.mark.parametrize("files", [{"a.bin": b"\0\1"}, {"main.c": "int main;\n"}])
def test_a_tree_without_any_page_is_described(commit, files) -> None:
    """No README is a finding of high severity, not a failure."""
    analysis = describe(read_documentation(commit(files), 60))

    assert analysis.headline.startswith("There is no README")
    assert analysis.findings[0].rule == "documentation.no-readme"


def test_a_spent_budget_is_counted(commit) -> None:
    """Pages and modules for which there was no time are in the coverage."""
    reading = read_documentation(commit({"README.md": GOOD, "a.py": "x = 1\n"}), 0)

    assert reading.links.coverage.skipped == reading.docstrings.coverage.skipped == {"out of time": 1}

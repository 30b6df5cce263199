"""What is handed over: a report that shows words as words, and a bundle that holds what was looked at."""

import asyncio
import os
import subprocess

import pytest

from blocks.audit.log import AuditLog
from blocks.constitution.document import parse_constitution
from blocks.constitution.source import ConstitutionSource
from blocks.context import RunContext, running
from blocks.errors import BadInput, Forbidden, NotFound
from blocks.identity import Principal
from capsules.library.hand_over import bundle, tools
from capsules.library.hand_over.contents import Code, HandOver, Note, Review, Specification, WrittenTests
from capsules.library.hand_over.writing import written
from capsules.library.publish.provenance import Provenance
from capsules.library.test_run.report import Report

KEY = "AKIA" + "Q3EGRIPZ7XWVLK2M"


def hand_over(**changes):
    given = {
        "request": "Parse it.\n# Not a heading",
        "specification": Specification(
            title="Parser",
            summary="Parses.",
            package="parser; rm -rf /",
            interface="parse()\n```\n# out of the fence",
            requirements=[{"id": "R1", "text": "a | b <script>", "acceptance": "x"}],
        ),
        "code": Code(summary="One module.", decisions=["Plain."]),
        "tests": WrittenTests(summary="All of it."),
        "first_run": Report(passed=False, ran=2, problems=[], more=1, commit="a"),
        "second_run": Report(passed=True, ran=2, commit="b"),
        "repair": "An hour is longer.",
        "review": Review(verdict="accept", summary="Good.", requirements=[{"id": "R1", "met": False}]),
        "commit": "c" * 40,
        "files": {"parser.py": 1234},
        "provenance": Provenance(project="prj_1", approved_by="ann"),
    }
    return HandOver(**{**given, **changes})


def test_the_report_tells_how_it_went():
    """The last run counts, the earlier one is told; what is not met is said."""
    text = written(hand_over(notes=[Note(step="review", kind="finding", text="Small.")]))

    assert "- All 2 tests passed." in text
    assert "First run: Of 2 tests, 1 failed." in text
    assert "0 of 1 requirements are met" in text
    assert "| **no** |" in text
    assert "- review, finding: Small." in text
    assert "- parser.py (1,234 bytes)" in text


def test_words_of_others_are_shown_and_not_obeyed():
    """No heading, table cell, tag, fence or command line is made by what an agent wrote."""
    text = written(hand_over())

    assert "> \\# Not a heading" in text
    assert "a \\| b &lt;script&gt;" in text
    assert "git clone repository.bundle parserrm-rf" in text
    assert text.count("```") == 4


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace with a repository and its bundle, as the sandbox leaves them."""
    monkeypatch.setattr(tools, "workspace", lambda: tmp_path)
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    commit(made, "a.py", "x = 1\n")
    return tmp_path


def git(folder, *words):
    settings = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True)


def commit(folder, name, text):
    (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", f"Change {name}")


def pack(workspace):
    env = {**os.environ, **tools.ENVIRONMENT, "GIT_ALLOW_PROTOCOL": "file"}
    subprocess.run(["/bin/sh", "-ec", tools.SCRIPT], cwd=workspace / "repository", check=True, env=env)


def publish(workspace, held):
    return asyncio.run(publish_body(str(workspace / "out"), {"hand-over.md": "# It"}, held.texts))


async def publish_body(folder, files, texts):
    async def forget(rows):
        """Stores nothing."""

    text = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: t, version: "1.0.0"}\ndefault: allow\n'
    audit = AuditLog(forget)
    context = RunContext(
        tenant="acme",
        principal=Principal(tenant="acme", name="ada"),
        constitution=ConstitutionSource(parse_constitution(f"{text}articles: []\n", "t")),
        audit=audit,
    )
    try:
        with running(context):
            return await tools.publish_repository.fn(folder, files, texts)
    finally:
        await audit.close()


def test_the_bundle_is_published_with_its_history(workspace):
    """Whoever clones it has every commit; texts that were changed since are looked at too."""
    commit(workspace / "repository", "a.py", "x = 2\n")
    pack(workspace)
    held = bundle.read_held(workspace)
    published = publish(workspace, held)
    git(workspace, "clone", "-q", str(workspace / "out" / "repository.bundle"), "clone")

    assert sorted(held.texts.values()) == ["x = 1\n", "x = 2\n"]
    assert held.files == {"a.py": 6}
    assert [item.name for item in published] == ["hand-over.md", "repository.bundle"]
    assert (workspace / "clone" / "a.py").read_text() == "x = 2\n"


def test_what_an_article_masks_is_not_published_after_all(workspace):
    """The bundle cannot be masked, so nothing is handed over, and the file is named."""
    commit(workspace / "repository", "keys.py", f"KEY = '{KEY}'\n")
    pack(workspace)
    held = bundle.read_held(workspace)
    masked = {name: text.replace(KEY, "***") for name, text in held.texts.items()}

    with pytest.raises(Forbidden, match=r"keys\.py"):
        asyncio.run(publish_body(str(workspace / "out"), {}, masked))
    assert not (workspace / "out").exists()


def test_a_link_in_place_of_the_bundle_is_not_followed(workspace):
    """What programs left in the workspace leads nobody out of it."""
    pack(workspace)
    secret = workspace.parent / "secret"
    secret.write_text("secret")
    (workspace / "hand-over" / "repository.bundle").unlink()
    (workspace / "hand-over" / "repository.bundle").symlink_to(secret)

    with pytest.raises(BadInput, match="cannot be opened"):
        bundle.read_bundle(workspace)
    (workspace / "hand-over").rename(workspace / "elsewhere")
    (workspace / "hand-over").symlink_to(workspace / "elsewhere")
    with pytest.raises((BadInput, NotFound), match="no folder"):
        bundle.read_held(workspace)

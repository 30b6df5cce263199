"""`soma models`: what is set is kept with its key unseen, listed, tried, and removed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NAME = "models-of-the-test"
KEY = "sk-key-of-the-test"


@pytest.fixture
def access(
    prefect_api: str,
    model_server: Any,
    run: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    """A model access of a tenant of its own, made and removed by the command itself."""
    monkeypatch.setenv("SOMA_TENANT", "asks-models")
    (tmp_path / "key").write_text(f"{KEY}\n")
    given = (
        "--url",
        f"{model_server.url}/v1",
        "--model",
        "default=one,two",
        "--key-file",
        str(tmp_path / "key"),
    )
    made = run("models", "set", NAME, *given)
    assert made.code == 0, made.err
    yield model_server
    removed = run("models", "remove", NAME)
    assert removed.code == 0, removed.err


@pytest.mark.slow
def test_what_is_set_is_kept_and_changed_without_showing_the_key(
    access: Any, run: Callable[..., Any]
) -> None:
    """What is not given stays as it is; no output has the key, and an answer proves that it is there."""
    changed = run("models", "set", NAME, "--model", "strong=three", "--price", "one=2,8")
    listed = run("models", "list", "--json")
    access.says(*[access.text("ready")] * 2, access.status(401))
    checked = run("models", "check", NAME)
    (found,) = json.loads(listed.out)

    assert changed.code == 0, changed.err
    assert found["aliases"] == {"default": ["one", "two"], "strong": ["three"]}
    assert found["prices"] == {"one": {"input": 2.0, "output": 8.0}}
    assert (checked.code, len(access.asked)) == (1, 3)
    assert {body["headers"]["authorization"] for body in access.asked} == {f"Bearer {KEY}"}
    assert f"{NAME} three" in checked.out
    assert "does not take the key" in checked.out
    assert KEY not in changed.out + listed.out + checked.out + checked.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "default"), "not ALIAS=MODEL"),
        (("--price", "one=cheap"), "not MODEL=INPUT,OUTPUT"),
        (("--provider", "oracle"), "provider"),
        (("--key-file", "/nowhere/key"), "cannot be read"),
    ],
)
@pytest.mark.usefixtures("prefect_api")
def test_what_is_wrong_is_said_in_a_line(words: tuple[str, ...], said: str, run: Callable[..., Any]) -> None:
    """The exit code is 2, and nothing is kept of it."""
    answer = run("models", "set", "never-made", *words)

    assert (answer.code, said in answer.err) == (2, True), answer.err

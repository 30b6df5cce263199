"""An agent's manifest: what it says is checked before anybody runs it, and becomes a flow as it is."""

import inspect
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from blocks.errors import BadInput
from capsules.agent.flow import agent_flow
from capsules.agent.wording import instructions_of, request_of, wording_problems
from capsules.manifest import Manifest, ManifestInvalid, parse_manifest
from ui.cli.capsule_check import problems_of

AGENT: dict[str, Any] = {
    "apiVersion": "soma/v1",
    "kind": "Agent",
    "name": "two-words",
    "version": "1.0.0",
    "summary": "Says what it was told.",
    "owner": "tests",
    "inputs": {
        "tone": {"type": "string", "default": "calm", "enum": ["calm", "loud"]},
        "words": {"type": "array"},
    },
    "outputs": {"said": {"type": "string"}},
    "agent": {"instructions": "You repeat.", "request": "Say {{ words }} in a {{tone}} voice."},
}


def manifest(**agent: Any) -> Manifest:
    part = {**AGENT["agent"], **agent.pop("agent", {})}
    return parse_manifest(yaml.safe_dump({**AGENT, **agent, "agent": part}), "capsule.yaml")


def test_a_request_has_the_inputs_in_their_places(tmp_path: Path) -> None:
    """Texts as they are, everything else as JSON; without a request all inputs stand under their names."""
    inputs = {"words": ["a", "b"], "tone": "calm"}
    plain = manifest(agent={"request": None})

    assert request_of(manifest(), tmp_path, inputs) == 'Say [\n  "a",\n  "b"\n] in a calm voice.'
    assert request_of(plain, tmp_path, inputs) == '## words\n\n[\n  "a",\n  "b"\n]\n\n## tone\n\ncalm'
    assert request_of(manifest(), tmp_path, {"words": "{{ tone }}", "tone": "loud"}) == (
        "Say {{ tone }} in a loud voice."
    )


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ({"request": "Say {{ wrds }}."}, "no input 'wrds'; did you mean 'words'?"),
        ({"instructions": "You say {{ words }}."}, "have no variables"),
        ({"instructions": {"prompt": "who"}}, "no file 'who.md'"),
    ],
)
def test_wrong_wording_is_told_before_it_is_used(agent: dict[str, Any], words: str, tmp_path: Path) -> None:
    """A variable that is no input, one where none may stand, and a file that is not there."""
    found = manifest(prompts={"who": "who.md"}, agent=agent)

    assert [words in problem for problem in wording_problems(found, tmp_path)] == [True]
    with pytest.raises(BadInput, match="two-words"):
        instructions_of(found, tmp_path)


def test_a_prompt_file_lies_in_the_capsule_s_folder(tmp_path: Path) -> None:
    """What lies outside of it is no part of the capsule, whatever path leads there."""
    (tmp_path / "who.md").write_text("You repeat.")
    folder = tmp_path / "capsule"
    folder.mkdir()
    outside = manifest(prompts={"who": "../who.md"}, agent={"instructions": {"prompt": "who"}})
    (folder / "link.md").symlink_to(tmp_path / "who.md")
    linked = manifest(prompts={"who": "link.md"}, agent={"instructions": {"prompt": "who"}})

    assert list(wording_problems(outside, folder))
    assert list(wording_problems(linked, folder))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "Capsule"}, "of the kind `Agent`"),
        ({"agent": {"instructions": {"prompt": "who"}}}, "names no file 'who'"),
        ({"agent": {"max_stepz": 3}}, "did you mean `max_steps`?"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(changes: dict[str, Any], words: str) -> None:
    """The kind and the part of an agent belong together, and names are those that there are."""
    with pytest.raises(ManifestInvalid, match=r"capsule\.yaml") as refused:
        manifest(**changes)

    assert words in refused.value.message


def test_the_flow_of_an_agent_takes_the_inputs_of_its_manifest(tmp_path: Path) -> None:
    """They are checked by type and by what may be chosen; no module of its own is needed."""
    (tmp_path / "capsule.yaml").write_text(yaml.safe_dump(AGENT))
    flow = agent_flow(tmp_path)
    parameters = inspect.signature(flow.fn).parameters

    assert (flow.name, flow.version, set(parameters)) == ("two-words", "1.0.0", {"tone", "words"})
    assert parameters["tone"].annotation == Literal["calm", "loud"]
    assert flow.validate_parameters({"words": ["a"]}) == {"tone": "calm", "words": ["a"]}
    with pytest.raises(Exception, match="tone"):
        flow.validate_parameters({"words": ["a"], "tone": "shrill"})
    with pytest.raises(Exception, match="takes no other"):
        flow.validate_parameters({"words": ["a"], "other": 1})


def test_an_agent_is_validated_like_any_capsule(tmp_path: Path) -> None:
    """`soma capsules validate` finds what is wrong with its texts, and wants no code."""
    found = []
    for name, instructions in {"sound": "You repeat.", "wrong": "Say {{ words }}."}.items():
        (tmp_path / name).mkdir()
        file = tmp_path / name / "capsule.yaml"
        file.write_text(yaml.safe_dump({**AGENT, "agent": {"instructions": instructions}}))
        found.append(problems_of(file))

    assert found[0] == []
    assert ["have no variables" in problem for problem in found[1]] == [True]

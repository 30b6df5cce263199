import asyncio
import inspect
import json
from typing import Any

import pytest

from blocks.errors import BadInput, NotFound
from blocks.toolbox.builtin import BUILTIN
from tasks.tools.registry import CALLS, tool_named, tools_for


def test_every_tool_that_is_told_of_can_be_called():
    """No tool without a governed task, and none that nobody is told of."""
    assert BUILTIN.keys() == CALLS.keys()


@pytest.mark.parametrize("name", BUILTIN)
def test_a_schema_says_what_the_task_takes(name: str):
    """The same arguments, the same ones needed, the same defaults."""
    schema = BUILTIN[name].parameters
    taken = inspect.signature(CALLS[name].fn).parameters
    defaults = {key: part.default for key, part in taken.items() if part.default is not part.empty}
    told = {key: part["default"] for key, part in schema["properties"].items() if "default" in part}

    assert set(schema["properties"]) == set(taken)
    assert set(schema["required"]) == set(taken) - set(defaults)
    assert {
        key: value for key, value in json.loads(json.dumps(defaults)).items() if value is not None
    } == told


@pytest.mark.parametrize("name", BUILTIN)
def test_a_tool_asks_under_its_own_name(name: str):
    """The action that articles speak of is the name in the manifest, and it is a call of a tool."""
    seal: Any = CALLS[name].seal

    assert (seal.stage, seal.action) == ("tool.call", name)
    assert callable(seal.labels) or seal.labels == BUILTIN[name].labels
    facts = seal.facts({}) if seal.facts else {}
    assert bool(facts.get("tool", {}).get("isolated")) is BUILTIN[name].isolated


def test_globs_name_several_tools():
    """Each tool once, in the order in which they are asked for."""
    found = asyncio.run(tools_for(["files.read", "files.*", "python.run"]))

    assert [tool.name for tool in found][:2] == ["files.read", "files.write"]
    assert found[-1].name == "python.run"
    assert len(found) == 7


@pytest.mark.parametrize("name", ["files.reed", "file.*", "shell", "mcp.", "mcp.wiki", "mcp.Wiki.find", ""])
def test_a_name_that_no_tool_has_is_an_error(name: str):
    """It is not left out in silence: a capsule without its tools does something else."""
    with pytest.raises(NotFound):
        asyncio.run(tools_for([name]))


def test_a_misspelt_tool_is_told_its_neighbour():
    """Whoever writes manifests is helped."""
    with pytest.raises(NotFound, match=r"did you mean 'files\.read'"):
        asyncio.run(tool_named("files.reed"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "'path' is a required property"),
        ({"path": 3}, "path: 3 is not of type 'string'"),
        ({"path": "a", "lines": 3}, "'lines' was unexpected"),
        ({"path": "a", "limit": 0}, "limit: 0 is less than the minimum"),
        ("a.txt", "are a map"),
        (None, "are a map"),
    ],
)
def test_arguments_that_do_not_fit_are_said_to_be_wrong(arguments: Any, said: str):
    """In words that a model can mend them by."""
    with pytest.raises(BadInput, match=said):
        asyncio.run(tool_named("files.read")).check(arguments)


def test_arguments_that_fit_are_taken():
    """As they are."""
    assert asyncio.run(tool_named("files.read")).check({"path": "a"}) == {"path": "a"}

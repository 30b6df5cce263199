"""What an agent is told: its instructions, and its request with the inputs in their places."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from blocks.constitution.closeness import closest
from blocks.errors import BadInput
from capsules.manifest import Manifest, PromptFile, Wording

VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")
LONGEST = 50_000
"""Characters of a prompt file."""


def instructions_of(manifest: Manifest, folder: Path) -> str:
    """The agent's instructions; `BadInput` when they are not as they should be."""
    return _checked(manifest, folder)[0]


def request_of(manifest: Manifest, folder: Path, inputs: Mapping[str, Any]) -> str:
    """What the agent is to do with these inputs."""
    template = _checked(manifest, folder)[1]
    if template is None:
        return "\n\n".join(f"## {name}\n\n{_shown(value)}" for name, value in inputs.items())
    return VARIABLE.sub(lambda match: _shown(inputs[match[1]]), template)


def wording_problems(manifest: Manifest, folder: Path) -> Iterator[str]:
    """What is wrong with the agent's texts, before anybody runs it."""
    if manifest.agent is None:
        return
    instructions, problems = _text(manifest, folder, manifest.agent.instructions, "instructions")
    yield from problems
    if VARIABLE.search(instructions):
        yield "agent.instructions: have no variables; put what an input says into `agent.request`"
    if manifest.agent.request is not None:
        request, problems = _text(manifest, folder, manifest.agent.request, "request")
        yield from problems
        for name in sorted(set(VARIABLE.findall(request)) - set(manifest.inputs)):
            yield f"agent.request: there is no input {name!r}{closest(name, manifest.inputs)}"


def _checked(manifest: Manifest, folder: Path) -> tuple[str, str | None]:
    if manifest.agent is None:
        raise BadInput(f"capsule {manifest.name!r} is no agent")
    if problems := list(wording_problems(manifest, folder)):
        raise BadInput(f"capsule {manifest.name!r}: {'; '.join(problems)}", problems=problems)
    instructions, _ = _text(manifest, folder, manifest.agent.instructions, "instructions")
    request = manifest.agent.request
    return instructions, None if request is None else _text(manifest, folder, request, "request")[0]


def _text(manifest: Manifest, folder: Path, wording: Wording, where: str) -> tuple[str, list[str]]:
    """The text, and what is wrong with it."""
    if not isinstance(wording, PromptFile):
        return wording, []
    name = manifest.prompts[wording.prompt]
    path, root = (folder / name).resolve(), folder.resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return "", [f"agent.{where}: there is no file {name!r} in the capsule's folder"]
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return "", [f"agent.{where}: {name!r} is not UTF-8 text (byte {error.start})"]
    if not text.strip() or len(text) > LONGEST:
        return text, [f"agent.{where}: {name!r} has {len(text):,} characters; 1 to {LONGEST:,} are taken"]
    return text, []


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)

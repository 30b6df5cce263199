"""Risks in GitHub workflows, read as YAML events so that each finding has its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from capsules.library.security.weakness import Weakness
from capsules.repository.analysis import Severity

IS_WORKFLOW = re.compile(r"(?:^|/)(?:\.github/workflows/[^/]+|action)\.ya?ml$")
_MOST_EVENTS = 20_000
_DEEPEST = 30
_OUTSIDE = re.compile(
    r"\$\{\{[^}]*\bgithub\.(?:head_ref\b|event\.(?:issue\.(?:title|body)|pull_request\.(?:title|body|head\.(?:ref"
    r"|label|repo\.default_branch))|(?:comment|review|review_comment|discussion)\.(?:body|title)|pages\b"
    r"|commits\b|head_commit\.(?:message|author)|workflow_run\.head_(?:branch|commit)))"
)
_HEAD = re.compile(r"github\.event\.(?:pull_request\.head|workflow_run\.head)|github\.head_ref|refs/pull/")
_PIPED = re.compile(r"\b(?:curl|wget)\b[^\n|;&]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b")
_PINNED = re.compile(r"@(?:[0-9a-f]{40}|sha256:[0-9a-f]{64})$")
_DOCS = "https://docs.github.com/en/actions/reference/security/secure-use"


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """One value of the document, the keys that lead to it, and its line."""

    keys: tuple[str, ...]
    value: str
    line: int


def examine_workflow(path: str, text: str) -> list[Weakness]:
    """The weak places of one workflow. Raises `ValueError` when it is no readable YAML."""
    try:
        scalars = list(_scalars(text))
    except yaml.YAMLError as error:
        raise ValueError(type(error).__name__) from None
    found = [*_injected(scalars), *_foreign_code(scalars), *_unpinned(scalars), *_permissions(path, scalars)]
    return [
        Weakness(
            rule=f"workflow-{rule}",
            name=name,
            severity=severity,
            path=path,
            place="product",
            line=scalar.line,
            content=scalar.value,
            detail=detail,
            advice=_ADVICE[rule],
            link=_DOCS,
        )
        for rule, severity, name, detail, scalar in found
    ]


Found = tuple[str, Severity, str, str, Scalar]


def _injected(scalars: list[Scalar]) -> Iterator[Found]:
    for scalar in scalars:
        if scalar.keys[-1:] not in {("run",), ("script",)}:
            continue
        for number, line in enumerate(scalar.value.splitlines() or [""]):
            at = Scalar(keys=scalar.keys, value=line, line=scalar.line + number)
            if _OUTSIDE.search(line[:2000]):
                detail = "Text that any visitor can write is pasted into the script before the shell reads it"
                yield "script-injection", "high", "outside text in a workflow's script", detail, at
            if _PIPED.search(line[:2000]):
                detail = "A download goes straight into a shell, unchecked"
                yield "piped-download", "low", "download piped into a shell", detail, at


def _foreign_code(scalars: list[Scalar]) -> Iterator[Found]:
    """With pull_request_target and workflow_run the job has the repository's secrets and may write."""
    triggers = {
        part for scalar in scalars if scalar.keys[:1] == ("on",) for part in (*scalar.keys, scalar.value)
    }
    trusted = triggers & {"pull_request_target", "workflow_run"}
    for scalar in scalars if trusted else []:
        if scalar.keys[-2:] == ("with", "ref") and _HEAD.search(scalar.value):
            detail = (
                f"Triggered by {', '.join(sorted(trusted))}, the job checks out the code of the pull request"
            )
            yield "foreign-code", "high", "workflow with secrets checks out outside code", detail, scalar


def _unpinned(scalars: list[Scalar]) -> Iterator[Found]:
    for scalar in scalars:
        action = scalar.value.strip()
        own = action.startswith(("./", "actions/", "github/", "docker://"))
        if scalar.keys[-1:] != ("uses",) or own or _PINNED.search(action):
            continue
        version = action.rpartition("@")[2] if "@" in action else "nothing"
        moving = version in {"main", "master", "dev", "develop", "HEAD", "latest", "nothing"}
        severity: Severity = "medium" if moving else "low"
        detail = f"{action[:200]} follows {'a branch' if moving else 'a tag, which its owner can move'}"
        name = "action pinned to a branch" if moving else "third-party action pinned to a tag"
        yield f"unpinned-{'branch' if moving else 'tag'}", severity, name, detail, scalar


def _permissions(path: str, scalars: list[Scalar]) -> Iterator[Found]:
    if not any("jobs" in scalar.keys[:1] for scalar in scalars):
        return
    named = [scalar for scalar in scalars if "permissions" in scalar.keys]
    for scalar in named:
        if scalar.value == "write-all":
            yield (
                "write-all",
                "medium",
                "workflow with all permissions",
                "The token may write everything",
                scalar,
            )
    if not named:
        at = Scalar(keys=(), value=path, line=1)
        detail = "No `permissions` are named, so the repository's default for the token holds"
        yield "no-permissions", "info", "workflow that names no permissions", detail, at


_ADVICE = {
    "script-injection": "Pass the text through `env:` and use the shell variable, quoted, in the script.",
    "foreign-code": "Use `pull_request`, or build the outside code without secrets and act on its result.",
    "unpinned-branch": "Pin the action to a full commit hash and let a bot move it.",
    "unpinned-tag": "Pin third-party actions to a full commit hash, with the version in a comment.",
    "write-all": "Name the few permissions that the job needs.",
    "no-permissions": "Write `permissions: contents: read` at the top and widen it job by job.",
    "piped-download": "Download a fixed version, check its digest, then run it.",
}


@dataclass(kw_only=True)
class Frame:
    """A mapping or a list that is being read; `key` is None while a mapping's next key is awaited."""

    mapping: bool
    key: str | None = None


def _scalars(text: str) -> Iterator[Scalar]:
    """Every scalar with the keys that lead to it.

    Events are read instead of nodes: composing nested nodes recurses in C, and a hostile document ends
    the process by it. Aliases are not followed.
    """
    frames: list[Frame] = []
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if count > _MOST_EVENTS or len(frames) > _DEEPEST:
            raise yaml.YAMLError
        if isinstance(event, yaml.CollectionStartEvent):
            frames.append(Frame(mapping=isinstance(event, yaml.MappingStartEvent)))
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            frames.pop()
        elif not isinstance(event, yaml.NodeEvent):
            continue
        value = event.value if isinstance(event, yaml.ScalarEvent) else ""
        top = frames[-1] if frames else Frame(mapping=False)
        if top.mapping and top.key is None:
            top.key = value[:100]
            continue
        if isinstance(event, yaml.ScalarEvent):
            keys = tuple(frame.key for frame in frames if frame.key is not None)
            block, line = event.style in {"|", ">"}, event.start_mark.line if event.start_mark else 0
            yield Scalar(keys=keys, value=value, line=line + (2 if block else 1))
        top.key = None

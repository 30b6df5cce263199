import re
from collections.abc import Iterator
from dataclasses import dataclass

from capsules.library.security.weakness import Weakness
from capsules.repository.analysis import Severity
from capsules.repository.places import place_of

IS_DOCKERFILE = re.compile(
    r"(?i)(?:^|/)(?:(?:docker|container)file(?:[.-][^/]*)?|[^/]+\.(?:docker|container)file)$"
)
_NOT_DOCKERFILE = re.compile(r"(?i)\.(?:md|py|go|js|ts|sh|dockerignore)$")
_PIPED = re.compile(r"\b(?:curl|wget)\b[^\n|;&]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b")
_UNCHECKED = re.compile(
    r"\bcurl\b[^\n|;&]*\s(?:-\w*k\w*|--insecure)\b|--no-check-certificate|--trusted-host|--allow-unauthenticated"
)
_ROOT = {"root", "0", "root:root", "0:0"}
_LONGEST = 4000


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction with its continuation lines joined."""

    word: str
    text: str
    line: int


def is_dockerfile(path: str) -> bool:
    return bool(IS_DOCKERFILE.search(path)) and not _NOT_DOCKERFILE.search(path)


def examine_dockerfile(path: str, text: str) -> list[Weakness]:
    """The weak places of one Dockerfile."""
    instructions = list(_instructions(text))
    found = [*_moving_images(instructions), *_root_user(instructions), *_downloads(instructions)]
    return [
        Weakness(
            rule=f"dockerfile-{rule}",
            name=name,
            severity=severity,
            path=path,
            place=place_of(path),
            line=instruction.line,
            content=instruction.text,
            detail=detail,
            advice=_ADVICE[rule],
        )
        for rule, severity, name, detail, instruction in found
    ]


Found = tuple[str, Severity, str, str, Instruction]


def _instructions(text: str) -> Iterator[Instruction]:
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        start = start or number
        joined = (joined + " " + stripped.removesuffix("\\").strip())[:_LONGEST]
        if not stripped.endswith("\\"):
            word, _, rest = joined.strip().partition(" ")
            yield Instruction(word=word.upper(), text=rest.strip(), line=start)
            joined, start = "", 0


def _moving_images(instructions: list[Instruction]) -> Iterator[Found]:
    stages: set[str] = {"scratch"}
    for instruction in instructions:
        if instruction.word != "FROM":
            continue
        words = [word for word in instruction.text.split() if not word.startswith("--")]
        image = words[0] if words else "scratch"
        _, _, tag = image.rpartition("/")[2].partition(":")
        known = image.lower() in stages or "$" in image or "@sha256:" in image
        if not known and tag in {"", "latest"}:
            detail = f"The image {image[:200]} is whatever `latest` is on the day of the build"
            yield "latest-image", "low", "base image without a version", detail, instruction
        stages.update(word.lower() for word in words[2:3])


def _root_user(instructions: list[Instruction]) -> Iterator[Found]:
    starts = [index for index, instruction in enumerate(instructions) if instruction.word == "FROM"]
    if not starts:
        return
    last = instructions[starts[-1] :]
    users = [instruction for instruction in last if instruction.word == "USER"]
    inherits = "$" in last[0].text or re.search(r"nonroot|rootless|unprivileged", last[0].text)
    if users and users[-1].text.split()[:1] and users[-1].text.split()[0].lower() in _ROOT:
        yield "root-user", "medium", "container runs as root", "The last USER is root", users[-1]
    elif not users and not inherits and any(each.word in {"CMD", "ENTRYPOINT"} for each in last):
        detail = (
            "No USER is set in the last stage, so the program runs as root unless the base image says else"
        )
        yield "root-user", "low", "container runs as root", detail, last[0]


def _downloads(instructions: list[Instruction]) -> Iterator[Found]:
    for instruction in instructions:
        text = instruction.text
        if instruction.word == "ADD" and re.search(r"\bhttps?://", text) and "--checksum" not in text:
            detail = "What the address gives on the day of the build goes into the image, unchecked"
            yield "remote-add", "medium", "ADD from an address without a checksum", detail, instruction
        if instruction.word == "RUN" and _PIPED.search(text):
            detail = "A download goes straight into a shell, unchecked"
            yield "piped-download", "medium", "download piped into a shell", detail, instruction
        if instruction.word == "RUN" and _UNCHECKED.search(text):
            detail = "The download's certificate or signature is not checked"
            yield "unchecked-download", "medium", "download without checks", detail, instruction


_ADVICE = {
    "latest-image": "Name a version, best with its digest: `FROM name:1.2@sha256:...`.",
    "root-user": "Make a user and end the last stage with `USER name`.",
    "remote-add": "Pass `--checksum=sha256:...` to ADD.",
    "piped-download": "Download a fixed version, check its digest, then run it.",
    "unchecked-download": "Install the authority's certificate instead of switching the check off.",
}

"""A new capsule: a folder that works and whose test passes, to be changed into what the author wants."""

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from blocks.errors import BadInput, Conflict

NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
LIBRARY = Path("capsules/library")

MANIFEST = Template("""\
apiVersion: soma/v1
kind: Capsule
name: $name
version: 0.1.0
summary: Counts the words of a text; change me into one sentence that says what the capsule gives.
owner: you
inputs:
  text:
    type: string
    description: What is counted.
outputs:
  words:
    type: integer
    description: How many words there are.
tools: []      # names of governed tool tasks that it may call
policies: []   # articles of the constitution that must be in force
memory: []     # scopes that it may read and write
budget:
  seconds: 60
runtime:
  kind: inline # inline, process or pod
prompts: {}
""")

RUN = Template('''\
from capsules.capsule import capsule


@capsule
async def $function(text: str) -> int:
    """Count the words of a text."""
    return count_words(text)


def count_words(text: str) -> int:
    """How many words the text has."""
    return len(text.split())
''')

TEST = Template('''\
from capsules.outputs import outputs_of
from $package.run import $function, count_words


def test_words_are_counted():
    """Words are what white space separates."""
    assert count_words("one two\\nthree") == 3


def test_output_is_what_the_manifest_declares():
    """What the capsule returns fits its manifest."""
    assert outputs_of($function.manifest, count_words("one two")) == {"words": 2}
''')


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was made: its files, its test, and the lines that publish it where it is not in the library."""

    files: tuple[Path, ...]
    test: Path
    entry_point: str | None


def scaffold(name: str, directory: Path | None, here: Path) -> Made:
    """Make the folder of a new capsule; nothing is written when any of it is there already."""
    if not NAME.fullmatch(name) or len(name) > 63:  # as in the manifest
        raise BadInput(
            f"a capsule's name is lower-case words joined by '-', such as word-count, not {name!r}"
        )
    function = name.replace("-", "_")
    in_library = directory is None and (here / LIBRARY).is_dir()
    parent = LIBRARY if in_library else (directory or Path())
    package = f"{'capsules.library.' if in_library else ''}{function}"
    folder = parent / function
    test = Path("tests") / folder / "test_run.py" if in_library else folder / "test_run.py"
    names = {"name": name, "function": function, "package": package}
    files = {
        folder / "__init__.py": "",
        folder / "capsule.yaml": MANIFEST.substitute(names),
        folder / "run.py": RUN.substitute(names),
        test: TEST.substitute(names),
    }
    _write({here / path: text for path, text in files.items()})
    point = None if in_library else f'[project.entry-points."soma.capsules"]\n{name} = "{package}"'
    return Made(files=tuple(files), test=test, entry_point=point)


def _write(files: dict[Path, str]) -> None:
    for path in files:
        if path.exists():
            raise Conflict(f"{path} is there already; choose another name or directory")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{error.filename}: cannot be written: {error.strerror}") from None

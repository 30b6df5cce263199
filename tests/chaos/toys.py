"""Capsules made to be killed: their effects are written down, each with the key that it was given."""

import sqlite3
import textwrap
from pathlib import Path

HEAD = """
import asyncio
import os

from chaos_toys import effects

from capsules.capsule import capsule
from tasks.governed import governed_task


@capsule
"""
BODIES = {
    "toy-step": """
        async def toy_step(word: str, seconds: float) -> dict[str, str]:
            await asyncio.sleep(seconds / 2)
            await effect(word)
            await asyncio.sleep(seconds / 2)
            return {"said": word}

        @governed_task(stage="tool.call", action="toy.effect")
        async def effect(word: str, idempotency_key: str | None = None) -> str:
            effects.note("effect", word, idempotency_key)
            return word
    """,
    "toy-flaky": """
        async def toy_flaky(word: str, seconds: float) -> dict[str, str]:
            await asyncio.sleep(seconds)
            if effects.note("try", word, "") < 3:
                raise ConnectionError("the toy is not there yet")
            return {"said": word}
    """,
    "toy-danger": """
        async def toy_danger(word: str, seconds: float) -> dict[str, str]:
            await asyncio.sleep(seconds)
            await danger(word)
            return {"said": word}

        @governed_task(stage="tool.call", action="toy.danger")
        async def danger(word: str, idempotency_key: str | None = None) -> str:
            effects.note("effect", word, idempotency_key)
            return word
    """,
    "toy-forbidden": """
        async def toy_forbidden(word: str, seconds: float) -> dict[str, str]:
            await forbidden(word)
            return {"said": word}

        @governed_task(stage="tool.call", action="toy.forbidden")
        async def forbidden(word: str) -> str:
            effects.note("forbidden", word, "")
            return word
    """,
    "toy-list": """
        async def toy_list(word: str, seconds: float) -> dict[str, list[str]]:
            await asyncio.sleep(seconds)
            return {"words": [f"{word}-{number}" for number in range(4)]}
    """,
}
OUTPUTS = {"toy-list": "{words: {type: array}}"}
EFFECTS = '''
"""What the toys did, on disk before they go on."""

import os
import sqlite3


def note(kind: str, word: str, key: str | None) -> int:
    """Write down one deed; how many deeds of this kind and word there are now."""
    with sqlite3.connect(os.environ["CHAOS_EFFECTS"], timeout=60) as database:
        database.execute("INSERT INTO deeds VALUES (?, ?, ?)", (kind, word, key))
        found = database.execute("SELECT count(*) FROM deeds WHERE kind = ? AND word = ?", (kind, word))
        count = int(found.fetchone()[0])
    database.close()
    return count
'''
CONSTITUTION = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: chaos, version: 1.0.0, effective: 2026-01-01}
default: allow
principles: [{id: P1, text: Toys may play.}]
articles:
  - id: no-forbidden-toy
    principle: P1
    title: A toy that nobody may touch
    stages: [tool.call]
    actions: [toy.forbidden]
    verdict: deny
    severity: high
    reason: nobody touches this toy
    remedy: take another one
  - id: ask-for-danger
    principle: P1
    title: A toy that a person has to allow
    stages: [tool.call]
    actions: [toy.danger]
    verdict: approve
    severity: high
    reason: this toy is dangerous
    remedy: ask an adult
"""


def install(folder: Path) -> Path:
    """Write the toys as an installed distribution; the folder that is to be on the import path."""
    site = folder / "site"
    information = site / "chaos_toys-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: chaos-toys\nVersion: 1.0\n")
    points = "\n".join(f"{name} = chaos_toys.{name.replace('-', '_')}" for name in BODIES)
    (information / "entry_points.txt").write_text(f"[soma.capsules]\n{points}\n")
    package = site / "chaos_toys"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "effects.py").write_text(EFFECTS.lstrip())
    for name, body in BODIES.items():
        _write_capsule(package / name.replace("-", "_"), name, textwrap.dedent(body).strip())
    (folder / "constitution.yaml").write_text(CONSTITUTION)
    return site


def _write_capsule(folder: Path, name: str, body: str) -> None:
    folder.mkdir()
    (folder / "__init__.py").touch()
    outputs = OUTPUTS.get(name, "{said: {type: string}}")
    (folder / "capsule.yaml").write_text(
        f"apiVersion: soma/v1\nkind: Capsule\nname: {name}\nversion: 1.0.0\nsummary: A toy to be killed.\n"
        "owner: tests\ninputs: {word: {type: string}, seconds: {type: number}}\n"
        f"outputs: {outputs}\ntools: [toy.effect, toy.danger, toy.forbidden]\n"
    )
    (folder / "run.py").write_text(f"{HEAD.strip()}\n{body}\n")


def open_effects(path: Path) -> None:
    """Make the file in which deeds are written down."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE deeds (kind TEXT, word TEXT, key TEXT)")
    database.close()


def read_effects(path: Path) -> list[tuple[str, str, str]]:
    """Every deed, as `(kind, word, key)`, in the order in which it was done."""
    with sqlite3.connect(path, timeout=60) as database:
        found = database.execute("SELECT kind, word, key FROM deeds ORDER BY rowid").fetchall()
    database.close()
    return found

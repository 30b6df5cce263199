"""A trivial capsule, installed for the bench like any other, and a constitution in force that allows it."""

import importlib.util
from pathlib import Path

from blocks.constitution.document import parse_constitution
from blocks.constitution.signing import sign
from blocks.identity import Principal
from blocks.keys import SigningKey, trusted_keys
from blocks.records import activations, constitutions
from blocks.records.database import Database
from blocks.settings import Settings
from capsules.environment import SHIPPED_CONSTITUTION

NAME = "benchnote"
BODY = '''"""Says what it was given."""

from capsules.capsule import capsule


@capsule
async def benchnote(word: str) -> dict[str, str]:
    return {"said": word}
'''
MANIFEST = """apiVersion: soma/v1
kind: Capsule
name: benchnote
version: 1.0.0
summary: Says what it was given.
owner: soma
inputs: {word: {type: string}}
outputs: {said: {type: string}}
"""


async def install(settings: Settings) -> Path:
    """The folder to put on the import path of those who run the capsule."""
    site = settings.data_dir / "bench-site"
    information = site / "benchnote-1.0.dist-info"
    package = site / NAME
    for folder in (information, package):
        folder.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: benchnote\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[soma.capsules]\n{NAME} = {NAME}\n")
    (package / "__init__.py").touch()
    (package / "run.py").write_text(BODY)
    (package / "capsule.yaml").write_text(MANIFEST)
    assert importlib.util.find_spec(NAME) is None, "a package of this name is installed already"
    await allow(settings)
    return site


async def allow(settings: Settings) -> None:
    """Put the shipped constitution in force with one more capsule in its library."""
    shipped = SHIPPED_CONSTITUTION.read_text(encoding="utf-8")
    old = parse_constitution(shipped, "shipped").version
    text = shipped.replace("[survey, dependencies,", f"[{NAME}, survey, dependencies,")
    text = text.replace(f'version: "{old}"', 'version: "1000.0.0"')
    constitution = parse_constitution(text, "bench")
    by = Principal(tenant=settings.tenant, name="soma", kind="service")
    signature = sign(constitution, SigningKey.ensure(settings.keys_path))
    database = Database(settings.database_address)
    try:
        version = await constitutions.publish(
            database,
            tenant=settings.tenant,
            text=text,
            signature=signature.signature,
            key=signature.key,
            by=by,
            keys=trusted_keys(settings.keys_path),
        )
        present = await activations.active(database, settings.tenant)
        over = present.digest if present else None
        if not await activations.activate_shipped(database, version=version, over=over, by=by):
            raise SystemExit("the bench's constitution could not be put in force")
    finally:
        await database.close()

"""No effect is ever visible before its decision is durable: kill -9 in the moment an effect is seen."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.audit.verification import verify
from blocks.keys import SigningKey
from blocks.records.audit import list_records
from blocks.records.audit_export import export_lines, find_range
from blocks.records.audit_heads import sign_end
from blocks.records.database import Database, upgrade

KILLS = 24


@pytest.mark.slow
def test_every_effect_that_a_killed_process_left_has_its_decision(postgres_url, new_database, tmp_path):
    """Two dozen processes die by kill -9 at their effects; each file has its decision, the chain is whole."""
    url, folder = new_database(postgres_url), tmp_path / "effects"
    folder.mkdir()
    asyncio.run(upgrade(url))
    script = Path(__file__).parent / "killed_writer.py"
    arguments = [sys.executable, str(script), url, str(folder), str(KILLS)]
    subprocess.run(
        arguments, check=True, timeout=300, cwd=Path.cwd(), env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )

    effects = {path.name for path in folder.iterdir()}
    decided, sound = asyncio.run(what_was_recorded(url, SigningKey.ensure(tmp_path)))
    assert len({name.partition("-")[0] for name in effects}) == KILLS
    assert effects - decided == set()
    assert sound


async def what_was_recorded(url: str, key: SigningKey) -> tuple[set[str], bool]:
    database = Database(url)
    try:
        rows = await list_records(database, tenant="acme", limit=100_000)
        await sign_end(database, key, "acme")
        part = await find_range(database, "acme")
        lines = [line async for line in export_lines(database, "acme", part)]
    finally:
        await database.close()
    paths = [json.loads(row.record)["facts"]["task"]["arguments"]["path"] for row in rows]
    return {Path(path).name for path in paths}, verify(lines, {key.id: key.public}).sound

"""Run by `test_durability.py`: children that act under the guard and are killed when an effect is seen."""

import asyncio
import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path

from blocks.audit.log import AuditLog
from blocks.constitution.document import parse_constitution
from blocks.constitution.source import ConstitutionSource
from blocks.context import RunContext, running
from blocks.identity import Principal
from blocks.records.audit import store_records
from blocks.records.database import Database
from tasks.governed import governed_task

RULES = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: test, version: "1.0.0"}
default: allow
articles: []
"""


@governed_task(stage="tool.call", action="file.write")
async def write(path: str) -> None:
    Path(path).touch()


async def act(url: str, folder: str, child: int) -> None:
    """Write file after file until somebody ends this process."""
    database = Database(url, pool_size=1)
    context = RunContext(
        tenant="acme",
        principal=Principal(tenant="acme", name="ada"),
        constitution=ConstitutionSource(parse_constitution(RULES, "test.yaml")),
        audit=AuditLog(partial(store_records, database)),
        project="prj_1",
    )
    with running(context):
        for number in range(10_000):
            await write.fn(f"{folder}/{child}-{number}")


def kill_at_an_effect(url: str, folder: str, child: int) -> None:
    """Start a child, wait for one of its first effects, and kill it in that moment or a little later."""
    process = os.fork()
    if process == 0:
        asyncio.run(act(url, folder, child))
    awaited = Path(f"{folder}/{child}-{random.randrange(6)}")
    while not awaited.exists():
        time.sleep(0.0002)
    time.sleep(random.choice([0, 0, random.uniform(0, 0.01)]))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


if __name__ == "__main__":
    for number in range(int(sys.argv[3])):
        kill_at_an_effect(sys.argv[1], sys.argv[2], number)

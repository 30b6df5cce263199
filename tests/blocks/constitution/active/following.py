"""Follows a tenant's constitution as any process of the hub does, and writes a line whenever it changes."""

import sys
import time
from pathlib import Path

from blocks.constitution.active import ActiveConstitution

if __name__ == "__main__":
    database, valkey, keys, texts = sys.argv[1:]
    source = ActiveConstitution(
        tenant="acme", database=database, valkey=valkey, keys=Path(keys), texts=Path(texts)
    )
    said = None
    while True:
        now = source.current().version
        if now != said:
            print(now, flush=True)  # noqa: T201  # a process speaks through its output
            said = now
        time.sleep(0.01)

"""Ranking quality of memory on a Cranfield-style collection: words alone, meaning alone, and both fused.

    python tests/bench/recall.py FOLDER [--store FOLDER]

FOLDER holds `cran.all.1400`, `cran.qry` and `cranqrel`. With `--store` the index is kept for the next run.
"""

import argparse
import asyncio
import math
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import get_args

from blocks.memory.edge import open_edge
from blocks.memory.embedding import MiniLM
from blocks.memory.hybrid import HybridMemory
from blocks.memory.items import Draft, Mode
from blocks.memory.values import Values

CUT = 10
FIELD = re.compile(r"^\.([A-Z])\n(.*?)(?=^\.[A-Z]\n|\Z)", flags=re.MULTILINE | re.DOTALL)
TENANT, SCOPE = "bench", "collection"
WEIGHTS = [(1.0, 1.0), (1.0, 1.5), (1.5, 1.0), (1.0, 2.0), (2.0, 1.0)]


def records(file: Path) -> list[str]:
    """The texts (title and body) of a file in the SMART format, in order."""
    texts = []
    for record in re.split(r"^\.I +\d+\s*$", file.read_text("latin-1"), flags=re.MULTILINE)[1:]:
        fields = dict(FIELD.findall(record))
        title, body = fields.get("T", "").strip(), fields.get("W", "").strip()
        texts.append(body if body.startswith(title) else f"{title}\n{body}")
    return texts


def judgements(file: Path) -> dict[int, set[int]]:
    """Query number to the documents judged relevant, whatever the grade."""
    relevant = defaultdict(set)
    for line in file.read_text("ascii").splitlines():
        query, document, grade = (int(part) for part in line.split()[:3])
        if grade > 0:
            relevant[query].add(document)
    return relevant


def ndcg(ranked: list[int], relevant: set[int]) -> float:
    gained = sum(1 / math.log2(place + 2) for place, document in enumerate(ranked) if document in relevant)
    return gained / sum(1 / math.log2(place + 2) for place in range(min(len(relevant), CUT)))


async def index(memory: HybridMemory, documents: list[str]) -> None:
    for start in range(0, len(documents), 100):
        chunk = enumerate(documents[start : start + 100], start + 1)
        drafts = [Draft(text=text, key=str(number), data=number) for number, text in chunk if text.strip()]
        await memory.remember(TENANT, SCOPE, drafts)


async def measure(memory: HybridMemory, mode: Mode, queries: list[str], relevant: dict[int, set[int]]) -> str:
    scores, recalls = [], []
    for number, query in enumerate(queries, 1):
        hits = await memory.recall(TENANT, query, limit=CUT, mode=mode)
        ranked = [hit.item.data for hit in hits]
        scores.append(ndcg(ranked, relevant[number]))
        recalls.append(len(relevant[number].intersection(ranked)) / len(relevant[number]))
    return f"nDCG@10 {sum(scores) / len(scores):.4f}  recall@10 {sum(recalls) / len(recalls):.4f}"


async def run(collection: Path, store: Path) -> None:
    documents, queries = records(collection / "cran.all.1400"), records(collection / "cran.qry")
    relevant = judgements(collection / "cranqrel")
    engine, embedder, values = open_edge(store, MiniLM.size), MiniLM(), Values("redis://localhost")
    memory = HybridMemory(engine, embedder, values)
    if not await memory.count(TENANT):
        await index(memory, documents)
    for mode in get_args(Mode):
        tell(mode, await measure(memory, mode, queries, relevant))
    for weights in WEIGHTS:
        weighted = HybridMemory(engine, embedder, values, weights)
        tell(f"fused {weights}", await measure(weighted, "fused", queries, relevant))
    await memory.close()


def tell(what: str, figures: str) -> None:
    sys.stdout.write(f"{what:20} {figures}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("collection", type=Path)
    parser.add_argument("--store", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(run(given.collection, given.store or Path(temporary)))


if __name__ == "__main__":
    main()

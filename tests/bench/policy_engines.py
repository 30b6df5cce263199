"""One decision of the hub's constitution beside other policy engines, in one run with turns that alternate.

The others live in an environment of their own (`make peers`, tests/bench/peers.lock), the hub in its own;
each in a process of its own, all under the same Python. Run as a script it prints and keeps the table.

All answer the same question: which rules let this action pass, and is there one. What else they do differs:
the hub quotes reasons, gives each decision an id and a time and checks the types of facts; Cedar and Rego
are given their input anew for each question, as their interfaces want it; CEL is only expressions, tried
one after the other; AGT's `PolicyEngine` (what `govern()` asks) has no indexes either and takes its
conditions apart anew each time. Cedar has no globs over actions, CEL and AGT's conditions no verdicts but
their own.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "build" / "peers-venv" / "bin" / "python"
KEPT = ROOT / "build" / "bench" / "policy_engines"
COUNTS = (1, 10, 50, 500)
ENGINES = {
    "hub": "SomaAgentHub",
    "cedar": "cedarpy (PolicySet handle)",
    "rego": "regopy (built bundle)",
    "cel": "CEL, rule by rule",
    "agt": "AGT PolicyEngine",
}
Cell = tuple[str, int, bool]
"""Shape, number of articles, and whether one matches."""


@dataclass(kw_only=True)
class Figures:
    """Nanoseconds of every decision by engine and cell, and the bytes each engine's rules took."""

    times: dict[tuple[str, Cell], list[int]] = field(default_factory=lambda: defaultdict(list))
    grown: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def rows(self) -> list[str]:
        """The lines of a Markdown table."""
        lines = ["| articles | speak of | one matches | engine | p50 µs | p99 µs | decisions/s | memory MB |"]
        lines.append("|--:|---|---|---|--:|--:|--:|--:|")
        for (engine, (shape, count, match)), times in sorted(self.times.items(), key=_place):
            p99 = statistics.quantiles(times, n=100)[98] if len(times) > 1 else times[0]
            lines.append(
                f"| {count} | {'one action each' if shape == 'named' else 'every action'} "
                f"| {'yes' if match else 'no'} | {ENGINES[engine]} | {statistics.median(times) / 1e3:.1f} "
                f"| {p99 / 1e3:.1f} | {1e9 * len(times) / sum(times):,.0f} "
                f"| {self.grown[engine, shape, count] / 1e6:.1f} |"
            )
        return lines

    def row(self) -> tuple[str, str, str]:
        """The line of `make bench`: fifty articles that speak of every action, one matching."""
        parts = [
            f"{ENGINES[engine]} {statistics.median(self.times[engine, ('broad', 50, True)]) / 1e3:.0f}"
            for engine in ENGINES
        ]
        return "one decision, 50 articles, p50 in µs", ", ".join(parts), "quickest"


def measure(rounds: int = 5, seconds: float = 0.15) -> Figures:
    """Every engine in every cell, `rounds` times for so many seconds; the order changes with every round."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        workers = {engine: stack.enter_context(_worker(engine)) for engine in ENGINES}
        for turn in range(rounds):
            order = list(ENGINES) if turn % 2 else list(reversed(ENGINES))
            for shape, count, match in _cells():
                for engine in order:
                    question = {"shape": shape, "count": count, "match": match, "seconds": seconds}
                    answer = _asked(workers[engine], question)
                    figures.times[engine, (shape, count, match)] += answer["times"]
                    size = figures.grown.get((engine, shape, count), 0)
                    figures.grown[engine, shape, count] = max(size, answer["grown"])
    return figures


def _cells() -> list[Cell]:
    return [(s, count, match) for s in ("named", "broad") for count in COUNTS for match in (True, False)]


def _place(item: tuple[tuple[str, Cell], list[int]]) -> tuple[Any, ...]:
    (engine, (shape, count, match)), _ = item
    return shape != "named", count, not match, list(ENGINES).index(engine)


@contextlib.contextmanager
def _worker(engine: str) -> Iterator[subprocess.Popen[str]]:
    python = sys.executable if engine == "hub" else str(PEERS)
    command = [python, "-W", "ignore", str(Path(__file__).with_name("policy_engine.py")), engine]
    environment = os.environ | {"PYTHONPATH": str(ROOT) if engine == "hub" else ""}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _asked(process: subprocess.Popen[str], question: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line.startswith("{"):
        raise SystemExit(f"an engine gave no answer to {question}: {line}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def keep(figures: Figures) -> None:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.with_suffix(".md").write_text("\n".join(figures.rows()) + "\n")


if __name__ == "__main__":
    if not PEERS.exists():
        raise SystemExit("the other engines are not installed: run `make peers`")
    measured = measure()
    keep(measured)
    print("\n".join(measured.rows()))

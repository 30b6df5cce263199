"""Deciding without pause while the constitution is swapped: nothing lost, late or mixed."""

import statistics
import threading
import time
from dataclasses import dataclass

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action
from blocks.constitution.document import parse_constitution
from blocks.constitution.source import ConstitutionSource

HEAD = "apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: load, version: "


@dataclass(frozen=True, kw_only=True)
class Reloads:
    """What the deciding threads saw."""

    asked: int
    answered: int
    swaps: int
    mixed: int
    """Decisions whose articles and digest belong to different versions."""
    late: int
    """Decisions from a version that was in force at no moment between their beginning and their end."""
    p99_us: float

    def row(self) -> tuple[str, str, str]:
        return (
            f"{self.answered:,} decisions under {self.swaps:,} reloads",
            (
                f"{self.asked - self.answered} lost, {self.late} late, {self.mixed} mixed; "
                f"p99 {self.p99_us:.0f} µs"
            ),
            "none",
        )


def version(number: int, articles: int = 50) -> Constitution:
    """One version: every article of it bears its number and matches every call."""
    lines = [
        f"  - {{id: v{number}-{each}, title: t, stages: [tool.call], reason: version {number}, "
        f"verdict: {'allow' if number else 'warn'}, when: 'tool.arguments.n >= {each}'}}"
        for each in range(articles)
    ]
    return parse_constitution(
        f'{HEAD}"1.0.{number}"}}\ndefault: deny\narticles:\n' + "\n".join(lines), "load"
    )


def measure(*, threads: int = 4, each: int = 2000, pause: float = 0.0005) -> Reloads:
    """So many threads make so many decisions each; a writer swaps two versions until they are done."""
    versions = [version(0), version(1)]
    source = ConstitutionSource(versions[0])
    begun = done = 0
    seen: list[tuple[range, set[str], str, float]] = []
    facts = {"tool": {"name": "x", "arguments": {"n": 1000}}}
    action = Action(stage="tool.call", name="x", facts=facts)

    def decide() -> None:
        for _ in range(each):
            first, at = done, time.perf_counter()
            decision = source.current().decide(action)
            took = time.perf_counter() - at
            names = {found.article.partition("-")[0] for found in decision.articles}
            seen.append((range(first, begun + 1), names, decision.constitution, took))

    deciding = [threading.Thread(target=decide) for _ in range(threads)]
    for thread in deciding:
        thread.start()
    while any(thread.is_alive() for thread in deciding):
        begun += 1
        source.replace(versions[begun % 2])
        done = begun
        time.sleep(pause)
    number = {one.digest: which for which, one in enumerate(versions)}
    mixed = sum(names != {f"v{number[digest]}"} for _, names, digest, _ in seen)
    late = sum(number[digest] not in {swap % 2 for swap in during} for during, _, digest, _ in seen)
    times = sorted(took for *_, took in seen)
    return Reloads(
        asked=threads * each,
        answered=len(seen),
        swaps=begun,
        mixed=mixed,
        late=late,
        p99_us=statistics.quantiles(times, n=100)[98] * 1e6,
    )


if __name__ == "__main__":
    print(*measure().row(), sep=" | ")

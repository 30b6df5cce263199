"""One policy engine in a process of its own: reads questions as JSON lines, decides, answers with times.

`python policy_engine.py NAME`, where NAME is one of `ENGINES`. Each engine is given the same rules: rule i
lets an action pass when its `to` is `user<i>` and its `limit` is above 100; `named` rules speak of the action
`mail.send<i>` only, `broad` ones of every action; what no rule lets pass is denied, and the rules
that decided are told.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Decide = Callable[[str, dict[str, Any]], list[str]]
"""Action and arguments to the names of the rules that let it pass; none is a denial."""
MOST_SAMPLES = 20_000


def hub(count: int, shape: str) -> Decide:
    from blocks.constitution.decisions import Action
    from blocks.constitution.document import parse_constitution

    lines = [
        "apiVersion: soma/v1",
        "kind: Constitution",
        'metadata: {name: bench, version: "1.0.0"}',
        "default: deny",
        "principles: [{id: p, text: Bench}]",
        "articles:",
    ]
    for number in range(count):
        actions = f"[mail.send{number}]" if shape == "named" else "['*']"
        lines.append(
            f"  - {{id: r{number}, principle: p, title: t, stages: [tool.call], actions: {actions}, "
            f"verdict: allow, reason: r, "
            f"when: 'tool.arguments.to == \"user{number}\" && tool.arguments.limit > 100'}}"
        )
    constitution = parse_constitution("\n".join(lines), "bench")

    def decide(action: str, arguments: dict[str, Any]) -> list[str]:
        facts = {"tool": {"name": action, "arguments": arguments}}
        decision = constitution.decide(Action(stage="tool.call", name=action, facts=facts))
        return [found.article for found in decision.articles] if decision.verdict == "allow" else []

    return decide


def cedar(count: int, shape: str) -> Decide:
    import cedarpy

    texts = []
    for number in range(count):
        action = f'action == Action::"mail.send{number}"' if shape == "named" else "action"
        texts.append(
            f'@id("r{number}") permit(principal, {action}, resource) when '
            f'{{ context.arguments.to == "user{number}" && context.arguments.limit > 100 }};'
        )
    policies, entities = cedarpy.PolicySet.from_str("\n".join(texts)), cedarpy.Entities.from_json_str("[]")

    def decide(action: str, arguments: dict[str, Any]) -> list[str]:
        request = {
            "principal": 'User::"ann"',
            "action": f'Action::"{action}"',
            "resource": 'Hub::"hub"',
            "context": {"arguments": arguments},
        }
        answer = cedarpy.is_authorized(request, policies, entities)
        return list(answer.diagnostics.reasons) if answer.allowed else []

    return decide


def rego(count: int, shape: str) -> Decide:
    import regopy

    rules = ["package bench", "import rego.v1"]
    for number in range(count):
        named = f'input.action == "mail.send{number}"; ' if shape == "named" else ""
        body = f'{named}input.arguments.to == "user{number}"; input.arguments.limit > 100'
        rules.append(f'matched contains "r{number}" if {{ {body} }}')
    interpreter = regopy.Interpreter()
    interpreter.add_module("bench", "\n".join(rules))
    bundle = interpreter.build("data.bench.matched")

    def decide(action: str, arguments: dict[str, Any]) -> list[str]:
        interpreter.set_input({"action": action, "arguments": arguments})
        return re.findall(r"\br\d+\b", str(interpreter.query_bundle(bundle)))

    return decide


def cel(count: int, shape: str) -> Decide:
    from cel import compile as compile_cel

    programs = []
    for number in range(count):
        named = f'action == "mail.send{number}" && ' if shape == "named" else ""
        source = f'{named}arguments.to == "user{number}" && arguments.limit > 100'
        programs.append((f"r{number}", compile_cel(source)))

    def decide(action: str, arguments: dict[str, Any]) -> list[str]:
        facts = {"action": action, "arguments": arguments}
        return [name for name, program in programs if program.execute(facts)]

    return decide


def agt(count: int, shape: str) -> Decide:
    from agentmesh.governance import Policy, PolicyEngine, PolicyRule

    rules = []
    for number in range(count):
        named = f"action.type == 'mail.send{number}' and " if shape == "named" else ""
        condition = f"{named}arguments.to == 'user{number}' and arguments.limit > 100"
        rules.append(PolicyRule(name=f"r{number}", condition=condition, action="allow"))
    engine = PolicyEngine()
    engine.load_policy(Policy(name="bench", agents=["*"], rules=rules, default_action="deny"))

    def decide(action: str, arguments: dict[str, Any]) -> list[str]:
        context = {"action": {"type": action}, "arguments": arguments}
        answer = engine.evaluate("did:mesh:bench", context)
        return [answer.matched_rule] if answer.allowed else []

    return decide


ENGINES = {"hub": hub, "cedar": cedar, "rego": rego, "cel": cel, "agt": agt}


def measure(decide: Decide, count: int, *, match: bool, seconds: float) -> list[int]:
    """Nanoseconds of each decision for about so many seconds; wrong answers end the measurement."""
    wanted = count // 2
    action = f"mail.send{wanted}"
    arguments = {
        "to": f"user{wanted}" if match else "nobody",
        "limit": 500,
        "text": "a few words",
        "tags": ["a"],
    }
    if len(decide(action, arguments)) != int(match):
        raise SystemExit(f"wrong answer: {decide(action, arguments)} for {count} rules, match {match}")
    times: list[int] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and len(times) < MOST_SAMPLES:
        begun = time.perf_counter_ns()
        decide(action, arguments)
        times.append(time.perf_counter_ns() - begun)
    return times


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main() -> None:
    make = ENGINES[sys.argv[1]]
    make(1, "named")("mail.send0", {"to": "user0", "limit": 500})
    made: dict[tuple[int, str], Decide] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        key = (asked["count"], asked["shape"])
        before, begun = resident(), time.perf_counter()
        if key not in made:
            made[key] = make(*key)
        built = time.perf_counter() - begun
        times = measure(made[key], asked["count"], match=asked["match"], seconds=asked["seconds"])
        answer = {"times": times, "built": built, "grown": resident() - before}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

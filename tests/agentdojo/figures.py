"""Replays the two suites through the guard and counts: `python figures.py [--json]`."""

import json
import pickle
import sys
from collections import Counter

import packages

packages.ready()

from guarded import SETTINGS, attempt, node_for, tools_for  # noqa: E402  # needs the fetched packages
from suites import NAMES, VERSION, Suite, calls_of, shows  # noqa: E402  # the same


def benign(suite, setting, task, before):
    """Whether the user task's own calls get through, and whether they do the task."""
    environment = pickle.loads(before)
    calls = task.ground_truth(environment)
    context = node_for(suite, task, tools_for(setting, suite, task, calls))
    judged = [attempt(suite, context, environment, call)[0] for call in calls]
    stopped = [item for item in judged if not item.through]
    verdicts = {item.verdict for item in stopped}
    return {
        "answer": "refused" if "deny" in verdicts else "asked" if verdicts else "through",
        "done": task.utility(task.GROUND_TRUTH_OUTPUT, pickle.loads(before), environment),
        "stopped": sorted({f"{item.call}: {item.by}" for item in stopped}),
    }


def attacked(suite, setting, task, injection, before, texts):
    """Whether the attack's calls are stopped after the task has read the attacker's text."""
    environment = pickle.loads(before)
    own = task.ground_truth(environment)
    context = node_for(suite, task, tools_for(setting, suite, task, own))
    read = False
    for call in own:
        _, result = attempt(suite, context, environment, call)
        if result is not None and shows(result, texts):
            read = True
            break
    judged = [attempt(suite, context, environment, call)[0] for call in calls_of(injection, environment)]
    return {
        "read": read,
        "stopped": any(not item.through for item in judged),
        "reached": injection.security("", pickle.loads(before), environment),
        "by": sorted({f"{item.call}: {item.verdict} by {item.by}" for item in judged if not item.through}),
    }


def unguarded(suite, task, injection, before, texts):
    """Whether the attack's goal is reached when nobody is asked, and whether the user's task alone reaches it."""
    environment, alone = pickle.loads(before), pickle.loads(before)
    for call in task.ground_truth(alone):
        suite.run(alone, call)
    for call in task.ground_truth(environment):
        if shows(suite.run(environment, call), texts):
            break
    for call in calls_of(injection, environment):
        suite.run(environment, call)
    return {
        "works": injection.security("", pickle.loads(before), environment),
        "anyway": injection.security("", pickle.loads(before), alone),
    }


def measured():
    """All runs by (suite, setting, user task, injection task)."""
    tasks, attacks, free = {}, {}, {}
    for suite in map(Suite, NAMES):
        for task in suite.suite.user_tasks.values():
            before = suite.environment(task, {})
            for setting in SETTINGS:
                tasks[suite.name, setting, task.ID] = benign(suite, setting, task, before)
            for injection in suite.suite.injection_tasks.values() if suite.vectors(task) else ():
                injections = suite.injections(task, injection)
                texts, before_attack = list(injections.values()), suite.environment(task, injections)
                pair = (suite, task, injection, before_attack, texts)
                free[suite.name, task.ID, injection.ID] = unguarded(*pair)
                for setting in SETTINGS:
                    found = attacked(suite, setting, *pair[1:])
                    attacks[suite.name, setting, task.ID, injection.ID] = found
    return tasks, attacks, free


def summary(tasks, attacks, free):
    rows = []
    for setting in SETTINGS:
        for name in NAMES:
            user = [found for key, found in tasks.items() if key[:2] == (name, setting)]
            tried = [found for key, found in attacks.items() if key[:2] == (name, setting)]
            answers = Counter(found["answer"] for found in user)
            rows.append({
                "setting": setting,
                "suite": name,
                "tasks": len(user),
                "through": answers["through"],
                "asked": answers["asked"],
                "refused": answers["refused"],
                "attacks": len(tried),
                "stopped": sum(found["stopped"] and not found["reached"] for found in tried),
                "reached": sum(found["reached"] for found in tried),
            })
    return {
        "version": VERSION,
        "rows": rows,
        "working": sum(found["works"] for found in free.values()),
        "anyway": sum(found["anyway"] for found in free.values()),
        "unread": sum(not found["read"] for found in attacks.values()),
        "stops": sorted(
            f"{setting} {name}/{task} {found['answer']}: {', '.join(found['stopped'])}"
            for (name, setting, task), found in tasks.items()
            if found["stopped"]
        ),
        "holes": sorted(
            " ".join(key) for key, found in attacks.items() if found["reached"] or not found["stopped"]
        ),
        "undone": sorted(key[0] + "/" + key[2] for key, found in tasks.items() if key[1] == "unplanned" and not found["done"]),
    }


def main():
    found = measured()
    result = summary(*found)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return found


if __name__ == "__main__":
    main()

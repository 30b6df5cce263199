"""One user task, with or without an attack in what it reads, call by call."""

import pickle

from guarded import attempt, node_for, tools_for
from suites import calls_of, shows

_done = {}
"""What the suites' checks said; the same calls do the same, and a check takes seconds."""


def benign(suite, setting, task, before, checked):
    """Whether the user task's own calls get through, and, where it is checked, whether they do the task."""
    environment = pickle.loads(before)
    calls = task.ground_truth(environment)
    context = node_for(suite, task, tools_for(setting, suite, task, calls))
    judged = [attempt(suite, context, environment, call)[0] for call in calls]
    stopped = [item for item in judged if not item.through]
    verdicts = {item.verdict for item in stopped}
    key = (suite.name, task.ID, tuple(item.through for item in judged))
    if checked and key not in _done:
        _done[key] = task.utility(task.GROUND_TRUTH_OUTPUT, pickle.loads(before), environment)
    return {
        "answer": "refused" if "deny" in verdicts else "asked" if verdicts else "through",
        "done": _done.get(key),
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
    """Whether the attack reaches its goal when nobody is asked, and whether the user's task alone does."""
    environment, alone = pickle.loads(before), pickle.loads(before)
    for call in task.ground_truth(alone):
        suite.run(alone, call.function, call.args)
    for call in task.ground_truth(environment):
        if shows(suite.run(environment, call.function, call.args), texts):
            break
    for call in calls_of(injection, environment):
        suite.run(environment, call.function, call.args)
    return {
        "works": injection.security("", pickle.loads(before), environment),
        "anyway": injection.security("", pickle.loads(before), alone),
    }

"""The flows of all agents, each an attribute named as its capsule, with `_` for `-`.

An agent has a manifest and no module of its own, so its deployment names this one:
`capsules.agent.deployed.requirements`.
"""

from capsules.agent.flow import agent_flow
from capsules.capsule import CapsuleFlow
from capsules.catalogue import list_capsules


def __getattr__(name: str) -> CapsuleFlow:
    for entry in list_capsules():
        if entry.manifest.kind == "Agent" and entry.manifest.name.replace("-", "_") == name:
            return agent_flow(entry.folder)
    raise AttributeError(f"there is no agent {name!r}")

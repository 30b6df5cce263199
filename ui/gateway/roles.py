"""Who may do what: one table, read from the top; what is not in it takes an admin.

| role | what it may, beside reading what its tenant has |
|---|---|
| viewer | try things that change nothing: validate, evaluate, replay |
| operator | plan, launch and control projects, use memory, the bus and triggers |
| developer | what an operator may, and publish constitutions and let them run in shadow |
| approver | answer questions, and confirm that a constitution is put in force |
| admin | everything in its tenant; an admin of the hub's own tenant runs the installation |
"""

from dataclasses import dataclass

from blocks.errors import Forbidden
from blocks.identity import Principal

ADMIN = "admin"
ANYBODY = frozenset({"approver", "developer", "operator", "viewer"})
OPERATORS = frozenset({"developer", "operator"})
DEVELOPERS = frozenset({"developer"})
APPROVERS = frozenset({"approver"})
ADMINS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rule:
    """What begins with this path, by these methods, takes one of these roles; an admin may do all."""

    path: str
    methods: frozenset[str]
    roles: frozenset[str]
    whole: bool = False
    """Whether it is about this path alone."""

    def is_about(self, method: str, path: str) -> bool:
        fits = path == self.path if self.whole else path.startswith(self.path)
        return fits and method in self.methods


READ = frozenset({"GET", "HEAD", "OPTIONS"})
ASK = frozenset({"POST"})
CHANGE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

RULES = (
    Rule("/v1/tokens", READ | CHANGE, ADMINS),
    Rule("/v1/users", READ | CHANGE, ADMINS),
    Rule("/v1/tenants", READ | CHANGE, ADMINS),
    Rule("/v1/", READ, ANYBODY),
    Rule("/v1/logout", ASK, ANYBODY, whole=True),
    Rule("/v1/password", CHANGE, ANYBODY, whole=True),
    Rule("/v1/blueprints/match", ASK, ANYBODY, whole=True),
    Rule("/v1/constitutions/validate", ASK, ANYBODY),
    Rule("/v1/constitutions/test", ASK, ANYBODY),
    Rule("/v1/policy/evaluate", ASK, ANYBODY),
    Rule("/v1/replays", ASK, ANYBODY),
    Rule("/v1/audit/heads", ASK, ANYBODY),
    Rule("/v1/constitutions/activations/", ASK, APPROVERS),
    Rule("/v1/constitutions/shadow", CHANGE, DEVELOPERS, whole=True),
    Rule("/v1/constitutions", ASK, DEVELOPERS, whole=True),
    Rule("/v1/approvals/", ASK, APPROVERS),
    Rule("/v1/memory/recall", ASK, ANYBODY),
    Rule("/v1/memory", CHANGE, OPERATORS),
    Rule("/v1/projects", CHANGE, OPERATORS),
    Rule("/v1/sessions", CHANGE, OPERATORS),
    Rule("/v1/triggers", CHANGE, OPERATORS),
    Rule("/v1/bus/", ASK, OPERATORS),
)

AGENTS = (
    Rule("/v1/whoami", READ, ADMINS, whole=True),
    Rule("/v1/memory", READ | CHANGE, ADMINS, whole=True),
    Rule("/v1/memory/recall", ASK, ADMINS, whole=True),
    Rule("/v1/memory/forget", ASK, ADMINS, whole=True),
    Rule("/v1/memory/kv/", READ | CHANGE, ADMINS),
    Rule("/v1/bus/", ASK, ADMINS),
)
"""All that an agent's token is good for; the roles say nothing there, its mandate says how far it goes."""


def check_allowed(principal: Principal, method: str, path: str) -> None:
    """Raise `Forbidden` unless one of the principal's roles, or an agent's mandate, allows the request."""
    if principal.kind == "agent":
        return _check_agent(principal, method, path)
    needed = roles_for(method, path)
    if not principal.roles & needed:
        raise Forbidden(
            f"{principal.name!r} may not do this: it takes the role {' or '.join(sorted(needed))}, "
            f"and the token has {', '.join(sorted(principal.roles)) or 'none'}"
        )
    return None


def roles_for(method: str, path: str) -> frozenset[str]:
    """The roles that allow a request."""
    for rule in RULES:
        if rule.is_about(method, path):
            return rule.roles | {ADMIN}
    return frozenset({ADMIN})


def _check_agent(principal: Principal, method: str, path: str) -> None:
    if principal.mandate is None or not any(rule.is_about(method, path) for rule in AGENTS):
        raise Forbidden(f"{principal.name!r} is an agent: its token is good for memory and the bus alone")

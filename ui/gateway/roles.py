"""Who may do what: one table, read from the top; what is not in it takes an admin."""

from dataclasses import dataclass

from blocks.errors import Forbidden
from blocks.identity import Principal

ADMIN = "admin"
ANYBODY = frozenset({"approver", "operator", "viewer"})
OPERATORS = frozenset({"operator"})
APPROVERS = frozenset({"approver"})


@dataclass(frozen=True)
class Rule:
    """What begins with this path, by these methods, takes one of these roles; an admin may do all."""

    path: str
    methods: frozenset[str]
    roles: frozenset[str]


READ = frozenset({"GET", "HEAD", "OPTIONS"})
ASK = frozenset({"POST"})
CHANGE = frozenset({"POST", "PUT", "DELETE"})

RULES = (
    Rule("/v1/tokens", READ | CHANGE, frozenset()),
    Rule("/v1/", READ, ANYBODY),
    Rule("/v1/constitutions/validate", ASK, ANYBODY),
    Rule("/v1/constitutions/test", ASK, ANYBODY),
    Rule("/v1/policy/evaluate", ASK, ANYBODY),
    Rule("/v1/replays", ASK, ANYBODY),
    Rule("/v1/audit/heads", ASK, ANYBODY),
    Rule("/v1/constitutions/activations/", ASK, APPROVERS),
    Rule("/v1/approvals/", ASK, APPROVERS),
    Rule("/v1/memory/recall", ASK, ANYBODY),
    Rule("/v1/memory", CHANGE, OPERATORS),
    Rule("/v1/projects", CHANGE, OPERATORS),
    Rule("/v1/triggers", CHANGE, OPERATORS),
    Rule("/v1/bus/", ASK, OPERATORS),
)


def check_allowed(principal: Principal, method: str, path: str) -> None:
    """Raise `Forbidden` unless one of the principal's roles allows the request."""
    needed = roles_for(method, path)
    if not principal.roles & needed:
        raise Forbidden(
            f"{principal.name!r} may not do this: it takes the role {' or '.join(sorted(needed))}, "
            f"and the token has {', '.join(sorted(principal.roles)) or 'none'}"
        )


def roles_for(method: str, path: str) -> frozenset[str]:
    """The roles that allow a request."""
    for rule in RULES:
        if method in rule.methods and path.startswith(rule.path):
            return rule.roles | {ADMIN}
    return frozenset({ADMIN})

"""What a capsule's run shows at the gateway: a token of its own, which says for which attempt it acts.

It is made when it is first needed, in the run's own process, and lives in its memory alone: never in an
environment, a parameter or a file. How far it goes was decided when the node was planned.
"""

import time
from pathlib import Path

from blocks.identity import Mandate, Principal
from blocks.signing_in.access_tokens import AGENT, LIFETIME, TOKENS_KEY, TokenKey
from blocks.signing_in.claims import Claim

RENEWED = LIFETIME / 2
"""Seconds after which a run that is still at work gets the next token."""


class Passport:
    """The token of one attempt, made anew before it is over."""

    def __init__(
        self, keys: Path, principal: Principal, mandate: Mandate, claim: Claim | None = None
    ) -> None:
        self._keys = keys
        self._claim = claim
        """For a machine without the key, where the gateway makes the token."""
        self._principal = principal
        self._mandate = mandate
        self._made: tuple[str, float] | None = None

    def __repr__(self) -> str:
        return f"Passport({self._mandate.project}, {self._mandate.node})"

    def token(self) -> str:
        """A bearer token for the gateway."""
        if self._made is None or time.monotonic() - self._made[1] > RENEWED:
            self._made = (self._new(), time.monotonic())
        return self._made[0]

    def _new(self) -> str:
        if self._claim is not None and not (self._keys / TOKENS_KEY).exists():
            return self._claim.token()
        return agent_token(TokenKey.ensure(self._keys), self._principal, self._mandate)


def agent_token(key: TokenKey, principal: Principal, mandate: Mandate) -> str:
    """The token of an agent: whose, for whom, for which attempt, and how far it goes."""
    return key.make(
        AGENT,
        f"agent:{mandate.node}",
        principal.tenant,
        name=principal.name,
        on_behalf_of=principal.on_behalf_of,
        attempt=mandate.attempt,
        project=mandate.project,
        node=mandate.node,
        number=mandate.number,
        generation=mandate.generation,
        memory=sorted(mandate.memory),
    )

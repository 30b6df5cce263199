"""How a run on another machine gets its token: it shows the gateway by which claim it holds its attempt.

The key that signs tokens makes anybody's, so it is not in a pod of a run. The gateway makes the token there,
from its own records alone, for whoever names the holder of an attempt that is at work.
"""

from dataclasses import dataclass, field

import httpx

from blocks.engines.prefect_server import trust
from blocks.errors import Unauthenticated, Unavailable

PATH = "/v1/agents/token"
PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True)
class Claim:
    """By what a run holds its attempt."""

    gateway: str
    attempt: str
    holder: str = field(repr=False)
    """Unguessable, and known to the run and the records alone."""

    def token(self) -> str:
        """The token that the gateway makes; `Unauthenticated` when the attempt is not held so any more."""
        body = {"attempt": self.attempt, "holder": self.holder}
        try:
            with httpx.Client(timeout=PATIENCE, verify=trust()) as client:
                answer = client.post(f"{self.gateway}{PATH}", json=body)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the gateway at {self.gateway} does not answer ({type(error).__name__})"
            ) from None
        if not answer.is_success:
            raise Unauthenticated(f"the gateway gives this run no token (HTTP {answer.status_code})")
        return str(answer.json()["token"])

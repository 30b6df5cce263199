"""Short-lived tokens: JSON Web Tokens signed with Ed25519, which whoever has the public key can check.

They are signed with a key of their own, `tokens.key` beside the hub's: what may give out tokens need not be
able to sign constitutions. The header's `typ` tells a person's token from an agent's, so that none is ever
taken for the other.
"""

import secrets
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OKPKey

from blocks.errors import Unauthenticated
from blocks.keys import SigningKey

# RFC 9864 names the same signatures "Ed25519"; most programs that check tokens know only the older name.
warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)

TOKENS_KEY = "tokens.key"
ISSUER = "soma-agent-hub"
AUDIENCE = "gateway"
LIFETIME = 15 * 60
"""Seconds that a token lasts."""
LEEWAY = 5
"""Seconds by which clocks may differ."""
LONGEST = 4_000
"""Characters of a token; those that the hub makes have less than a thousand."""
Kind = Literal["at+jwt", "agent+jwt"]
PERSON: Kind = "at+jwt"
AGENT: Kind = "agent+jwt"


class NotGenuine(Unauthenticated):
    """The token was not made by this hub, is not for this gateway, or its time is over."""


class TokenKey:
    """Makes tokens and checks them."""

    def __init__(self, pem: str, kid: str) -> None:
        self.id = kid
        self._key = OKPKey.import_key(pem, {"kid": kid, "use": "sig", "alg": "EdDSA"})
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            tenant={"essential": True},
            jti={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        )

    @classmethod
    def ensure(cls, folder: Path) -> "TokenKey":
        """The key of the folder, made at the first call; all processes of a hub read the same."""
        path = folder / TOKENS_KEY
        made = SigningKey.ensure_at(path)
        return cls(path.read_text(encoding="ascii"), made.id)

    def make(self, kind: Kind, subject: str, tenant: str, **claims: Any) -> str:
        """A token that begins now and lasts `LIFETIME`."""
        now = int(time.time())
        said = {
            **claims,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "tenant": tenant,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": secrets.token_hex(12),
        }
        header = {"alg": "EdDSA", "kid": self.id, "typ": kind}
        return jwt.encode(header, said, self._key, algorithms=["EdDSA"])

    def read(self, token: str) -> tuple[Kind, Mapping[str, Any]]:
        """The kind and the claims of a token of this hub that is not over, or `NotGenuine`."""
        if len(token) > LONGEST:
            raise NotGenuine
        try:
            found = jwt.decode(token, self._key, algorithms=["EdDSA"])
            self._claims.validate(found.claims)
        except (JoseError, ValueError, TypeError):
            raise NotGenuine from None
        kind = found.header.get("typ")
        if kind not in {PERSON, AGENT} or found.header.get("kid") != self.id:
            raise NotGenuine
        return kind, found.claims

    def public(self) -> dict[str, Any]:
        """The public half as a JSON Web Key."""
        return dict(self._key.as_dict(private=False))


def looks_signed(token: str) -> bool:
    """Whether a bearer token is a signed one, rather than one that is looked up."""
    return token.count(".") == 2

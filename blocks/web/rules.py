"""Which addresses of the web may be asked: the operator's list of sites, and how it is read.

`docs.python.org` is that host by https, `*.example.org` every host beneath it, and `wiki.internal:8080` a
host with its port, by http or https: only one that is named like this may lie inside of a private network.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import ada_url

from blocks.errors import BadInput, Forbidden

_RULE = re.compile(
    r"(?P<any>\*\.)?(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?"
)
PORTS = {"https:": 443, "http:": 80}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One entry of the list."""

    host: str
    beneath: bool
    """Whether the hosts beneath it are meant, and not the host itself."""
    port: int | None

    @property
    def may_be_private(self) -> bool:
        return self.port is not None and not self.beneath

    def covers(self, address: "Address") -> bool:
        beneath = address.host.endswith(f".{self.host}")
        named = beneath if self.beneath else address.host == self.host
        if self.port is None:
            return named and address.scheme == "https:" and address.port == PORTS["https:"]
        return named and address.port == self.port


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address of the web, read as browsers read it."""

    url: str
    scheme: str
    host: str
    port: int
    target: str
    """The path with the query, as it is asked for."""
    private: bool = False
    """Whether a rule allows this very host and port inside of a private network."""


def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules in a list with commas between them; `BadInput` for one that is none."""
    return tuple(_rule(entry) for part in text.split(",") if (entry := part.strip().lower()))


def _rule(entry: str) -> Rule:
    found = _RULE.fullmatch(entry)
    if not found or not 0 < int(found["port"] or 1) < 65536:
        raise BadInput(f"{entry!r} is no site; write `docs.python.org`, `*.example.org` or `host:port`")
    return Rule(
        host=found["host"], beneath=bool(found["any"]), port=int(found["port"]) if found["port"] else None
    )


def address_of(url: str) -> Address:
    """The address, or `BadInput` for what is none, or holds a user's name or a password."""
    if len(url) > 2_048 or any(ord(sign) < 33 or sign == "\\" for sign in url):
        raise BadInput("an address has no spaces, control characters or backslashes, and at most 2048 signs")
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        raise BadInput(f"{url!r} is no address of the web") from None
    if parsed.protocol not in PORTS or not parsed.hostname:
        raise BadInput(f"{url!r} is no address of the web: it begins with https://")
    if parsed.username or parsed.password:
        raise BadInput("an address holds no user and no password")
    return Address(
        url=parsed.href.partition("#")[0],
        scheme=parsed.protocol,
        host=parsed.hostname.rstrip("."),
        port=int(parsed.port or PORTS[parsed.protocol]),
        target=parsed.pathname + parsed.search,
    )


def joined(base: Address, location: str) -> Address:
    """The address that a redirect leads to."""
    try:
        return address_of(ada_url.join_url(base.url, location))
    except ValueError:
        raise BadInput(f"{base.host} redirects to what is no address") from None


def allowed(address: Address, rules: Iterable[Rule]) -> Address:
    """The address with what the rules say of it, or `Forbidden` when none covers it."""
    covering = [rule for rule in rules if rule.covers(address)]
    if not covering:
        shown = f"{address.scheme}//{address.host}:{address.port}"
        raise Forbidden(
            f"web.fetch may not ask {shown}: the hub's operator has not allowed it (SOMA_WEB_ALLOW)"
        )
    private = any(rule.may_be_private for rule in covering)
    return replace(address, private=private)

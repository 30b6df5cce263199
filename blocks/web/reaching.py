"""Connecting to a host, to the very address that was looked at, and to none inside of the own network."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore

from blocks.errors import Forbidden, Unavailable

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_CARRIES_IPV4 = (
    # Network, and the bits from the right at which the IPv4 address ends.
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
_TUNNELS = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("fec0::/10"))
_NEVER = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fd00:ec2::254/128"))
"""Where clouds tell a machine its secrets: no list opens these."""


def is_public(address: IP) -> bool:
    """Whether it is an address of the open internet, also when another one is written inside of it."""
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in tunnel for tunnel in _TUNNELS):
            return False
        for network, shift in _CARRIES_IPV4:
            if address in network:
                return is_public(ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast and not address.is_reserved


def may_reach(address: IP, *, private: bool) -> bool:
    """Whether it may be connected to; `private` says that the operator named this very host and port."""
    if is_public(address):
        return True
    plain = getattr(address, "ipv4_mapped", None) or address
    never = any(plain.version == network.version and plain in network for network in _NEVER)
    odd = plain.is_link_local or plain.is_multicast or plain.is_unspecified or plain.is_reserved
    return private and not never and not (odd and not plain.is_loopback)


async def addresses_of(host: str, port: int, *, private: bool) -> list[str]:
    """The addresses of the host, looked up once; `Forbidden` when one of them may not be reached."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unavailable(f"the host {host!r} cannot be found") from None
    known = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in known:
        if not may_reach(ipaddress.ip_address(text.partition("%")[0]), private=private):
            raise Forbidden(f"web.fetch may not reach {host}: it lies inside of a private network")
    return known


class Straight(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were looked at before, whatever name is asked for."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._addresses = list(addresses)
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        problem: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses[:3]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        raise Forbidden("web.fetch reaches hosts only")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

"""Fetching one page of a site that is allowed: every step of it checked, all of it within bounds."""

import asyncio
import codecs
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpcore

from blocks.errors import BadInput, NotFound, Unavailable
from blocks.web.pages import words_of
from blocks.web.reaching import Straight, addresses_of
from blocks.web.rules import Address, Rule, address_of, allowed, joined

LARGEST = 2_000_000
"""Bytes of a page that are read."""
LONGEST = 200_000
"""Characters of text that are given."""
SECONDS = 30.0
REDIRECTS = 5
READABLE = re.compile(
    r"(text/[a-z0-9.+-]+|application/(json|xml|[a-z0-9.+-]+\+(json|xml)|javascript|x-yaml|yaml))"
)
HEADERS = {
    "User-Agent": "SomaAgentHub web.fetch",
    "Accept": "text/html, text/*;q=0.9, application/json;q=0.9, application/xml;q=0.8",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a site answered."""

    url: str
    """Where it was found in the end."""
    media_type: str
    title: str
    text: str
    cut: bool
    """Whether there was more."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


async def fetch(url: str, rules: Sequence[Rule], *, seconds: float = SECONDS) -> Page:
    """The page; `Forbidden` for what is not allowed, `NotFound` and `Unavailable` for no answer."""
    address = allowed(address_of(url), rules)
    try:
        async with asyncio.timeout(seconds):
            for _ in range(REDIRECTS + 1):
                answer = await _ask(address)
                if answer.status not in {301, 302, 303, 307, 308}:
                    return _page(address, answer)
                address = _next(address, answer, rules)
    except TimeoutError:
        raise Unavailable(f"{address.host} took longer than {seconds:g} s") from None
    raise Unavailable(f"{address.host} redirects again and again")


def _next(address: Address, answer: _Answer, rules: Sequence[Rule]) -> Address:
    following = allowed(joined(address, answer.headers.get("location", "")), rules)
    if address.scheme == "https:" and following.scheme != "https:":
        raise BadInput(f"{address.host} redirects from https to http")
    return following


async def _ask(address: Address) -> _Answer:
    known = await addresses_of(address.host, address.port, private=address.private)
    trusted = ssl.create_default_context()
    try:
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=trusted, network_backend=Straight(known), max_connections=1, http1=True
            ) as pool,
            pool.stream("GET", address.url, headers=[*HEADERS.items(), ("Host", _host(address))]) as response,
        ):
            return await _read(response)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        told = str(error) or type(error).__name__
        raise Unavailable(f"{address.host} does not answer: {told[:200]}") from None


def _host(address: Address) -> str:
    usual = {"https:": 443, "http:": 80}[address.scheme]
    return address.host if address.port == usual else f"{address.host}:{address.port}"


async def _read(response: httpcore.Response) -> _Answer:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    body = bytearray()
    async for part in response.aiter_stream():
        body += part
        if len(body) > LARGEST:
            break
    return _Answer(
        status=response.status, headers=headers, body=bytes(body[:LARGEST]), cut=len(body) > LARGEST
    )


def _page(address: Address, answer: _Answer) -> Page:
    if answer.status in {404, 410}:
        raise NotFound(f"{address.url} is not there ({answer.status})")
    if not 200 <= answer.status < 300:
        raise Unavailable(f"{address.url} answered {answer.status}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unavailable(f"{address.host} answers in an encoding that was not asked for")
    kind, _, parameters = answer.headers.get("content-type", "").partition(";")
    media_type = kind.strip().lower()
    if not READABLE.fullmatch(media_type):
        raise BadInput(f"{address.url} is {media_type or 'of no named type'}; only texts are read")
    text = answer.body.decode(_charset(parameters), "replace")
    title, words = words_of(text) if media_type in {"text/html", "application/xhtml+xml"} else ("", text)
    cut = answer.cut or len(words) > LONGEST
    return Page(url=address.url, media_type=media_type, title=title[:500], text=words[:LONGEST], cut=cut)


def _charset(parameters: str) -> str:
    found = re.search(r"charset=\"?([A-Za-z0-9._-]+)", parameters)
    try:
        codecs.lookup(found[1] if found else "utf-8")
    except LookupError:
        return "utf-8"
    return found[1] if found else "utf-8"

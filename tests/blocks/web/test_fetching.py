import asyncio
import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from blocks.errors import BadInput, Forbidden, NotFound, SomaError, Unavailable
from blocks.web.fetching import Page, fetch
from blocks.web.rules import rules_of

PAGE = """<html><head><title> A  page </title><style>p {}</style><script>steal()</script></head>
<body><h1>Apples</h1><p>are <b>round</b> &amp; red</p><template>hidden</template></body></html>"""


class Site(BaseHTTPRequestHandler):
    """Answers by path, as good and bad sites do."""

    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.headers["Host"] + self.path)
        name = self.path.strip("/").partition("?")[0]
        with suppress(ConnectionError):
            getattr(self, f"on_{name}", self.on_missing)()

    def answer(self, body: bytes, kind: str = "text/plain", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def on_page(self) -> None:
        self.answer(PAGE.encode(), "text/html; charset=utf-8")

    def on_latin(self) -> None:
        self.answer("für".encode("latin-1"), "text/plain; charset=iso-8859-1")

    def on_here(self) -> None:
        self.answer(b"", status=302, Location="/page")

    def on_inside(self) -> None:
        self.answer(b"", status=302, Location="http://169.254.169.254/latest/meta-data")

    def on_elsewhere(self) -> None:
        self.answer(b"", status=307, Location="https://evil.example.net/")

    def on_round(self) -> None:
        self.answer(b"", status=301, Location="/round")

    def on_zip(self) -> None:
        self.answer(b"PK", "application/zip")

    def on_bomb(self) -> None:
        self.answer(gzip.compress(b"a" * 100_000_000), "text/plain", Content_Encoding="gzip")

    def on_large(self) -> None:
        self.answer(b"a" * 5_000_000)

    def on_slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"a")
            self.wfile.flush()
            threading.Event().wait(0.1)

    def on_broken(self) -> None:
        self.wfile.write(b"no http at all\r\n\r\n")

    def on_failing(self) -> None:
        self.answer(b"sorry", status=503)

    def on_missing(self) -> None:
        self.answer(b"no", status=404)

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """The host and port of the site."""
    Site.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(site: str, path: str, rules: str | None = None, seconds: float = 10) -> Page:
    return asyncio.run(fetch(f"http://{site}/{path}", rules_of(rules or site), seconds=seconds))


def test_a_page_gives_its_words(site: str):
    """Its title and what a reader sees of it, without scripts, styles and what is hidden."""
    page = get(site, "page")

    assert (page.title, page.text, page.cut) == ("A page", "Apples\nare round & red", False)
    assert get(site, "latin").text == "für"
    assert get(site, "here").url == f"http://{site}/page"


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("missing", NotFound, "404"),
        ("failing", Unavailable, "503"),
        ("zip", BadInput, "only texts are read"),
        ("bomb", Unavailable, "encoding that was not asked for"),
        ("round", Unavailable, "again and again"),
        ("broken", Unavailable, "does not answer"),
        ("inside", Forbidden, "has not allowed it"),
        ("elsewhere", Forbidden, "has not allowed it"),
    ],
)
def test_bad_answers_are_said_to_be(site: str, path: str, error: type[SomaError], said: str):
    """Each with its reason; a redirect is checked like the first address."""
    with pytest.raises(error, match=said):
        get(site, path)


def test_a_large_page_is_cut(site: str):
    """No more is read than is given."""
    page = get(site, "large")

    assert page.cut
    assert len(page.text) == 200_000


def test_a_site_that_dribbles_is_left(site: str):
    """The time holds for all of the page, not for each byte of it."""
    with pytest.raises(Unavailable, match="took longer"):
        get(site, "slow", seconds=0.5)


def test_a_private_host_needs_its_port_by_name(site: str, monkeypatch: pytest.MonkeyPatch):
    """`localhost` on the list opens no server of this machine, in no spelling of its address."""
    port = site.partition(":")[2]

    for url, rules in (
        (f"http://{site}/page", "*.0.0.1, 127.0.0.1"),
        (f"http://127.1:{port}/page", "127.0.0.1"),
        (f"http://0x7f000001:{port}/page", "*.example.org"),
        (f"http://[::ffff:127.0.0.1]:{port}/page", site),
        ("https://localhost/page", "localhost"),
    ):
        with pytest.raises(Forbidden):
            asyncio.run(fetch(url, rules_of(rules)))

    assert Site.asked == []


def test_a_name_is_looked_up_once(site: str, monkeypatch: pytest.MonkeyPatch):
    """What was looked at is what is connected to, whatever the name means a moment later."""
    port = int(site.partition(":")[2])
    answers = [("127.0.0.1", port), ("127.0.0.9", 1)]
    looked_up: list[str] = []

    async def look_up(self: Any, host: str, *_: Any, **__: Any) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", answers[len(looked_up) - 1])]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", look_up)
    page = asyncio.run(fetch(f"http://wiki.test:{port}/page", rules_of(f"wiki.test:{port}")))

    assert page.title == "A page"
    assert looked_up == ["wiki.test"]
    assert Site.asked == [f"wiki.test:{port}/page"]


def test_a_public_name_with_a_private_address_is_not_reached(site: str, monkeypatch: pytest.MonkeyPatch):
    """One private address among several is enough to refuse the name."""

    async def look_up(self: Any, *_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", look_up)

    with pytest.raises(Forbidden, match="private network"):
        asyncio.run(fetch("https://docs.example.org/", rules_of("docs.example.org")))

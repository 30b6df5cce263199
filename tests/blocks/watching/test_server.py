"""The little server that processes without a web framework answer with."""

import asyncio
import json
import socket

import pytest
from prometheus_client import CollectorRegistry, Gauge

from blocks.watching.server import Part, pages, serving

FINE = (Part(name="prefect"),)


def ask(request: bytes, parts=FINE, *, broken=False, then=None) -> tuple[str, str, str]:
    """What the server answers to the bytes: the status line, the head, the body."""
    registry = CollectorRegistry()
    Gauge("soma_something", "Something.", registry=registry).set(4)

    async def told():
        if broken:
            raise RuntimeError("no")
        return parts

    async def run():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        async with serving("127.0.0.1", port, pages(registry, told)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            if then is not None:
                writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

    head, _, body = asyncio.run(run()).decode().partition("\r\n\r\n")
    return head.partition("\r\n")[0], head, body


def get(path: str, **given) -> tuple[str, str, str]:
    return ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), **given)


def test_health_and_meters():
    """A living process says so, and shows its meters in Prometheus' format."""
    assert json.loads(get("/health")[2]) == {"status": "alive"}

    status, head, body = get("/metrics?name=x")
    assert status == "HTTP/1.1 200 OK"
    assert "text/plain" in head
    assert "soma_something 4.0" in body


def test_readiness_says_what_is_wrong():
    """503 with the part in trouble, 200 when there is none."""
    status, _, body = get("/ready", parts=(Part(name="prefect", trouble="it is away"), Part(name="forks")))

    assert status == "HTTP/1.1 503 Service Unavailable"
    assert json.loads(body) == {
        "ready": False,
        "checks": [
            {"name": "prefect", "ok": False, "detail": "it is away"},
            {"name": "forks", "ok": True, "detail": None},
        ],
    }
    assert get("/ready")[0] == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /elsewhere HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
        (b"POST /health HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
        (b"\xff\xfe\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
        (b"GET\r\n\r\n", "HTTP/1.1 404 Not Found"),
    ],
)
def test_odd_requests_are_answered(request_bytes, status):
    """What is not asked rightly gets an answer that says so."""
    assert ask(request_bytes)[0] == status


def test_a_head_is_answered_without_a_body():
    """HEAD gets what GET would, but the body."""
    status, _, body = ask(b"HEAD /health HTTP/1.1\r\n\r\n")

    assert (status, body) == ("HTTP/1.1 200 OK", "")


@pytest.mark.parametrize("request_bytes", [b"GET /health", b"x" * 100_000])
def test_half_and_endless_requests_are_dropped(request_bytes):
    """A request that never ends, or is too long, is closed without an answer."""
    try:
        answer = ask(request_bytes, then="end")
    except ConnectionError:
        return  # closed while there was still something to read
    assert answer == ("", "", "")


def test_a_page_that_fails_is_an_error_and_not_the_end():
    """What goes wrong while a page is made is told as 500."""
    assert get("/ready", broken=True)[0] == "HTTP/1.1 500 Internal Server Error"

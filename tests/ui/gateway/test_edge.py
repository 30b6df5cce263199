import json
import logging

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ui.gateway.edge import BODY_LIMIT, Edge, answered_hosts, host_of
from ui.gateway.meters import Meters
from ui.gateway.problems import answer_with_problems


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:10000", "localhost.:1"]
)
def test_another_host_is_not_answered(gateway, host):
    """A page whose name was re-bound to loopback reads nothing, not even what needs no token."""
    answer = gateway.http(host=host).get("/health")

    assert answer.status_code == 421
    assert answer.json()["type"] == "urn:soma:problem:wrong-host"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:10000", "LOCALHOST", "[::1]:10000"])
def test_loopback_names_are_answered(gateway, host):
    """Every usual way to write this machine works, with any port."""
    assert gateway.http(host=host).get("/health").json() == {"status": "alive"}


def test_a_gateway_on_the_network_answers_for_any_name():
    """One that listens to a network cannot know the names that lead to it."""
    assert answered_hosts("0.0.0.0") is None
    assert "127.0.0.1" in (answered_hosts("127.0.0.1") or ())
    assert host_of("[::1]:80") == "[::1]"


def test_a_body_over_the_limit_is_refused(gateway):
    """A megabyte is enough for any request, whether its length is declared or not."""
    large = json.dumps({"blueprint": "x" * BODY_LIMIT}).encode()
    pieces = (large[start : start + 65536] for start in range(0, len(large), 65536))
    for content in (large, pieces):
        answer = gateway.http().post("/v1/projects", content=content)

        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:soma:problem:too-large"


def test_a_nul_in_the_address_is_refused(gateway):
    """A NUL, which the database could not compare, is the client's mistake and not a surprise."""
    for path in ("/v1/projects/prj%00x", "/v1/approvals?project=%00", "/v1/projects/a/artifacts/%00"):
        answer = gateway.http().get(path)

        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_surprise_tells_nothing_outside(caplog):
    """An error nobody expected is answered with an id, under which the log has all of it."""
    app = FastAPI()
    app.add_middleware(Edge, hosts=None, meters=Meters())
    answer_with_problems(app)

    @app.get("/boom")
    async def boom():
        raise RuntimeError("the password is hunter2")

    with caplog.at_level(logging.ERROR):
        answer = TestClient(app).get("/boom")

    said = answer.json()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    assert said["reference"] in caplog.text
    assert "hunter2" in caplog.text


def test_requests_are_counted_by_route(gateway):
    """The meters know templates of routes, never single ids, and unknown paths are one."""
    http = gateway.http()
    for name in ("a", "b"):
        http.get(f"/v1/projects/prj_{name}")
        http.get(f"/nowhere/{name}")
    text = http.get("/metrics").text

    assert 'route="/v1/projects/{project}",status="404"' in text
    assert "prj_a" not in text
    assert 'route="unmatched",status="404"' in text


def test_an_odd_method_does_not_grow_the_meters(gateway):
    """A method that nobody knows is counted as one of the others."""
    httpx.request("FROB", gateway.url + "/health")

    text = gateway.http().get("/metrics").text
    assert "FROB" not in text
    assert 'method="OTHER"' in text

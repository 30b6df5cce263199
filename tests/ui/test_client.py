import httpx
import pytest

from blocks.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    PolicyDenied,
    SomaError,
    Unauthenticated,
    Unavailable,
)
from blocks.settings import load_settings
from ui.client import HubClient
from ui.gateway.problems import of_error
from ui.transport import error_of


@pytest.mark.parametrize(
    "error",
    [
        BadInput("that is wrong", mend="do this", problems=["a", "b"]),
        NotFound("nothing here"),
        Conflict(),
        Forbidden("no"),
        PolicyDenied("article A-3: reason", article="A-3", reason="reason", decision="dec_1"),
        Unavailable("away"),
        SomaError("broken"),
    ],
)
def test_an_error_arrives_as_it_was_raised(error):
    """What the gateway raises, the client raises: the same class, message and fields."""
    answer = of_error(error, "/v1/x")
    told = error_of(httpx.Response(answer.status_code, content=bytes(answer.body)))

    assert (type(told), told.message, told.fields) == (type(error), error.message, error.fields)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"<html>", NotFound),
        (502, b"", SomaError),
        (503, b"[]", Unavailable),
        (409, b'{"type": "urn:soma:problem:of-the-future", "detail": "later"}', Conflict),
        (422, b'{"type": 3, "detail": null}', BadInput),
    ],
)
def test_an_answer_that_is_no_problem_is_still_an_error(status, body, kind):
    """A proxy's page or a newer gateway's problem becomes the error of its status."""
    assert type(error_of(httpx.Response(status, content=body))) is kind


def test_a_hub_that_is_not_up_is_unavailable(tmp_path, free_port):
    """Without a hub the client says what to do about it."""
    settings = load_settings(data_dir=tmp_path, gateway_port=free_port())
    with pytest.raises(Unavailable, match="start it with `soma up`"):
        HubClient.from_settings(settings)
    settings.token_path.write_text("token")

    with HubClient.from_settings(settings) as client, pytest.raises(Unavailable) as caught:
        client.projects()

    assert (
        caught.value.message == f"the hub does not answer at {settings.gateway_url}; start it with `soma up`"
    )


def test_a_wrong_token_is_told(gateway):
    """A client with another hub's token is told that it is not known here."""
    with HubClient(gateway.url, "wrong") as client, pytest.raises(Unauthenticated):
        client.whoami()


@pytest.mark.parametrize("name", ["../../admin.token", "a/b", "?x", "#", "%2e%2e", "é\U0001f98a", "\udcff"])
def test_any_name_is_one_segment(gateway, name):
    """Whatever a name holds, it stays a name and never becomes part of the address."""
    project = gateway.project()

    with gateway.client() as client, pytest.raises(NotFound):
        client.artifact(project.id, name)


def test_a_follower_takes_up_where_it_broke_off(serve, serve_again):
    """When the gateway ends and comes back, the follower goes on and hears nothing twice."""
    breaks = []
    with serve() as gateway:
        project = gateway.project()
        events = gateway.client().follow(project.id, lost=breaks.append)
        heard = [next(events)]
        gateway.event(project.id, number=1)
        heard.append(next(events))
    gateway.event(project.id, number=2)
    gateway.move(project.id, "completed")
    with serve_again(gateway.settings):
        heard.extend(events)

    assert [event.kind for event in heard] == ["project.state", "log", "log", "project.state"]
    assert len({event.id for event in heard}) == 4

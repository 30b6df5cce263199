import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.routing import APIRoute

from blocks.errors import BadInput
from ui.gateway.app import create_app
from ui.gateway.auth import ensure_token

OPEN = {
    *("/health", "/ready", "/metrics", "/.well-known/jwks.json"),
    *("/v1/login", "/v1/login/refresh", "/v1/agents/token"),
    *("/v1/answers/{token}", "/v1/hooks/{trigger}"),
}
"""Signs of life and the public key; those with a secret in the body; those that ask for a signature."""


def routes(gateway):
    """Every method and path of the gateway, parameters filled in."""
    described = gateway.http().get("/openapi.json").json()["paths"]
    for path, methods in described.items():
        for method in methods:
            yield method.upper(), path.replace("{project}", "prj_x").replace("{", "").replace("}", ""), path


def test_every_route_needs_a_token(gateway):
    """Whatever the gateway offers, it offers to nobody without a token, save signs of life."""
    refused = {
        path
        for method, url, path in routes(gateway)
        if gateway.http(accept="*/*").request(method, url).status_code == 401
    }
    everything = {path for _, _, path in routes(gateway)}

    assert refused == everything - OPEN
    assert len(refused) >= 15


@pytest.mark.parametrize(
    "header",
    ["Bearer wrong", "Bearer", "Basic YWRtaW46YWRtaW4=", "wrong", "Bearer é".encode("latin-1")],
)
def test_a_wrong_token_is_refused(gateway, header):
    """Any other credential gets a 401 that names the scheme and nothing of the token."""
    answer = gateway.http(authorization=header).get("/v1/projects")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "wrong" not in answer.text


def test_the_admin_token_speaks_for_the_hubs_tenant(gateway):
    """The local token is the admin of the tenant that the settings name."""
    said = gateway.client().whoami()

    assert (said.tenant, said.name, said.roles) == ("default", "admin", ["admin"])


def test_the_token_file_is_private(gateway):
    """The token that a hub makes can be read by its owner alone."""
    assert stat.S_IMODE(gateway.settings.token_path.stat().st_mode) == 0o600
    assert len(gateway.token) >= 43


def test_the_token_is_made_once(tmp_path):
    """Many that start at the same time end up with the same token, whole."""
    path = tmp_path / "new" / "admin.token"
    with ThreadPoolExecutor(16) as pool:
        tokens = list(pool.map(lambda _: ensure_token(path), range(64)))

    assert len(set(tokens)) == 1
    assert [found.name for found in path.parent.iterdir()] == ["admin.token"]


def test_a_token_that_others_can_read_is_refused(tmp_path):
    """A token file with a wide mode stops the gateway and says how to mend it."""
    path = tmp_path / "admin.token"
    ensure_token(path)
    path.chmod(0o644)

    with pytest.raises(BadInput, match="0644") as caught:
        ensure_token(path)

    assert caught.value.mend == f"chmod 600 {path}"


def test_an_empty_token_file_is_refused(tmp_path):
    """An emptied token file never becomes an empty token."""
    path = tmp_path / "admin.token"
    path.touch(0o600)

    with pytest.raises(BadInput, match="holds no token"):
        ensure_token(path)


def test_making_the_app_touches_nothing(data_dir):
    """The app of some settings makes no file and no connection before it is started."""
    from blocks.settings import load_settings

    app = create_app(load_settings())

    assert any(isinstance(route, APIRoute) for route in app.routes) or app.routes
    assert not data_dir.exists()

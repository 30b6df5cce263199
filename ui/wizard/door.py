"""The routes of the wizard that are no pages of Streamlit: signing in, and whether the wizard is well."""

from collections.abc import Mapping
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

import jinja2
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.process_collector import ProcessCollector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from blocks.errors import BadInput, PasswordUsedUp, SomaError, TooManyTries, Unavailable
from blocks.settings import Settings
from ui.wizard.edge import SIGN_IN
from ui.wizard.sign_ins import SignIns

LONGEST = 16_384
"""Bytes of the form."""
FIELDS = ("tenant", "user", "password", "new_password", "again", "token")


class Door:
    """Signing in to the wizard."""

    def __init__(self, settings: Settings, sign_ins: SignIns) -> None:
        self.sign_ins = sign_ins
        self.secure = (settings.wizard_public_url or "").startswith("https://")
        text = files("ui.wizard").joinpath("sign_in.html.jinja").read_text(encoding="utf-8")
        self.page = jinja2.Environment(autoescape=True).from_string(text)

    async def show(self, request: Request) -> Response:
        return self._page(request.query_params.get("next", "/"))

    async def enter(self, request: Request) -> Response:
        """Sign in; the answer is the page that was wanted, or the form again with what was wrong."""
        wanted, said = inner(request.query_params.get("next", "/")), dict.fromkeys(FIELDS, "")
        try:
            said = await fields_of(request)
            number = await run_in_threadpool(self._sign_in, said)
        except PasswordUsedUp as error:
            return self._page(wanted, said, problem=error.message, renew=True)
        except SomaError as error:
            renew = bool(said["new_password"])
            return self._page(wanted, said, problem=told(error), status=error.status, renew=renew)
        answer = RedirectResponse(wanted, 303)
        answer.set_cookie(self.sign_ins.cookie, number, httponly=True, samesite="lax", secure=self.secure)
        return answer

    def _sign_in(self, said: Mapping[str, str]) -> str:
        if said["token"]:
            return self.sign_ins.with_token(said["token"])
        if not said["user"] or not said["password"]:
            raise BadInput("Give your name and your password.")
        if said["new_password"] != said["again"]:
            raise BadInput("The two new passwords differ.")
        return self.sign_ins.with_password(
            said["user"],
            said["password"],
            tenant=said["tenant"] or None,
            new_password=said["new_password"] or None,
        )

    def _page(
        self,
        wanted: str,
        said: Mapping[str, str] | None = None,
        *,
        problem: str = "",
        status: int = 200,
        renew: bool = False,
    ) -> HTMLResponse:
        given = {name: (said or {}).get(name, "") for name in ("tenant", "user")}
        with_token = bool(said and said["token"])
        page = self.page.render(
            next=inner(wanted), problem=problem, renew=renew, with_token=with_token, **given
        )
        return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})


class Wellness:
    """Whether the wizard is alive, can work, and what it counts."""

    def __init__(self, sign_ins: SignIns) -> None:
        self.sign_ins = sign_ins
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        gauge = Gauge("soma_wizard_sign_ins", "Sign-ins that this wizard knows.", registry=self.registry)
        gauge.set_function(lambda: sign_ins.count)

    async def health(self, _request: Request) -> Response:
        """The wizard is alive; this asks nobody else."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """Whether the gateway answers, without which no page can be shown."""
        try:
            await run_in_threadpool(self._ask)
        except SomaError as error:
            return JSONResponse({"ready": False, "detail": error.message}, 503)
        return JSONResponse({"ready": True})

    def _ask(self) -> None:
        with self.sign_ins.stranger() as client:
            client.alive()

    async def metrics(self, _request: Request) -> Response:
        """The meters in Prometheus' text format."""
        return PlainTextResponse(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


def routes(settings: Settings, sign_ins: SignIns) -> list[BaseRoute]:
    """The routes, to stand before those of Streamlit."""
    door, wellness = Door(settings, sign_ins), Wellness(sign_ins)
    return [
        Route(SIGN_IN, door.show, methods=["GET"]),
        Route(SIGN_IN, door.enter, methods=["POST"]),
        Route("/wizard.css", style, methods=["GET"]),
        Route("/health", wellness.health),
        Route("/ready", wellness.ready),
        Route("/metrics", wellness.metrics),
    ]


async def style(_request: Request) -> Response:
    """The style sheet of the sign-in page."""
    text = files("ui.wizard").joinpath("sign_in.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css")


async def fields_of(request: Request) -> dict[str, str]:
    """The fields that the form has; `BadInput` where it is no form of this page."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST:
            raise BadInput("That is more than a name and a password.")
    try:
        said = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise BadInput("The form could not be read.") from None
    return {name: said.get(name, [""])[0] for name in FIELDS}


def inner(wanted: str) -> str:
    """The path, if it leads to a page of this wizard; else the first page."""
    parts = urlsplit(wanted)
    here = not parts.scheme and not parts.netloc and wanted.startswith("/") and "\\" not in wanted
    return wanted if here and not wanted.startswith("//") and wanted.isprintable() else "/"


def told(error: SomaError) -> str:
    """What went wrong, for somebody who has no terminal."""
    if isinstance(error, TooManyTries):
        seconds = error.fields.get("retry_after")
        return f"There were too many tries. Wait {seconds or 'some'} seconds and try again."
    if isinstance(error, Unavailable):
        return "The hub does not answer. It may be starting; try again in a moment."
    return error.message

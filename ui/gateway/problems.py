"""How errors look over HTTP: RFC 9457 `application/problem+json`, for every one of them."""

import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import JsonValue
from pydantic_core import to_jsonable_python
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from blocks.errors import BadInput, SomaError, TooManyTries

MEDIA_TYPE = "application/problem+json"
MOST_PROBLEMS = 20
DEEPEST = 10
"""How many wrong fields are told, and how many steps of each one's place."""
RESERVED = frozenset({"type", "title", "status", "detail", "instance"})
logger = logging.getLogger("soma.gateway")


class TooLarge(SomaError):
    """The request's body is larger than this gateway takes (1 MiB)."""

    status = 413
    exit_code = 2


class WrongHost(SomaError):
    """The Host header names another machine than the one this gateway answers for."""

    status = 421
    exit_code = 2


class Malformed(BadInput):
    """The address holds a NUL character."""

    status = 400


def kind_of(name: str) -> str:
    """The type of a problem: `PolicyDenied` is `urn:soma:problem:policy-denied`."""
    return "urn:soma:problem:" + re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def problem(
    status: int,
    detail: str,
    *,
    kind: str = "about:blank",
    title: str | None = None,
    instance: str | None = None,
    fields: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The response for one problem; `fields` become its extension members."""
    body: dict[str, Any] = {
        "type": kind,
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"instance": instance} if instance else {}),
        **{name: _plain(value) for name, value in (fields or {}).items() if name not in RESERVED},
    }
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _plain(value: Any) -> JsonValue:
    return to_jsonable_python(value, serialize_unknown=True)  # type: ignore[no-any-return]  # pydantic says Any


def of_error(error: SomaError, instance: str | None = None) -> JSONResponse:
    """The problem that an error of the hub is."""
    headers: dict[str, str] = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyTries) and "retry_after" in error.fields:
        headers["Retry-After"] = str(error.fields["retry_after"])
    return problem(
        error.status,
        error.message,
        kind=kind_of(type(error).__name__),
        title=error.title,
        instance=instance,
        fields=error.fields,
        headers=headers,
    )


def of_surprise(error: Exception, instance: str | None = None) -> JSONResponse:
    """The problem for an error nobody expected: an id that the log explains, and nothing else."""
    reference = secrets.token_hex(6)
    logger.error("unexpected error %s at %s", reference, instance, exc_info=error)
    return problem(
        500,
        f"the gateway could not do this; its log tells why under {reference}",
        kind="urn:soma:problem:unexpected",
        title="Unexpected error",
        instance=instance,
        fields={"reference": reference},
    )


def of_validation(errors: Iterable[Mapping[str, Any]], instance: str | None = None) -> JSONResponse:
    """The problem for a request that does not fit: each wrong field with its place, values left out."""
    places = [_place(error) for error in islice(errors, MOST_PROBLEMS)]
    malformed = any(place["code"] == "json_invalid" for place in places)
    return problem(
        400 if malformed else 422,
        "; ".join(f"{place['in']} {place['place']}: {place['message']}" for place in places),
        kind="urn:soma:problem:bad-input",
        title="Malformed JSON" if malformed else "Bad input",
        instance=instance,
        fields={"problems": places},
    )


def _place(error: Mapping[str, Any]) -> dict[str, str]:
    source, *path = error["loc"] or ("request",)
    steps = (str(step)[:100].replace("~", "~0").replace("/", "~1") for step in path[:DEEPEST])
    return {
        "in": str(source),
        "place": "/" + "/".join(steps),
        "message": str(error["msg"]),
        "code": str(error["type"]),
    }


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of the app a problem; the one for surprises lives at the edge of the app."""

    @app.exception_handler(SomaError)
    async def _soma(request: Request, error: SomaError) -> JSONResponse:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.warning("%s: %s", request.url.path, error.message)
        return of_error(error, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
        return of_validation(error.errors(), request.url.path)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, SomaError):
            return of_error(error.__cause__, request.url.path)
        detail, headers = error.detail, dict(error.headers or {})
        if error.status_code == HTTPStatus.NOT_FOUND:
            detail = f"there is nothing at {request.url.path}; /docs lists what there is"
        elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_allowed(app, request.url.path))
            detail = f"{request.method} is not possible here; {headers['Allow']} is"
        return problem(error.status_code, detail, instance=request.url.path, headers=headers)


def _allowed(app: FastAPI, path: str) -> list[str]:
    """Every method that some route takes at the path."""
    templates = app.openapi()["paths"].items()
    found = (operations for template, operations in templates if compile_path(template)[0].match(path))
    return sorted({method.upper() for operations in found for method in operations})

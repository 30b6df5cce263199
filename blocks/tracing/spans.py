"""Spans: what took how long, from a request to the tool call that it led to, as OpenTelemetry tells it.

Nothing is recorded, and nothing of OpenTelemetry's SDK imported, unless `OTEL_EXPORTER_OTLP_ENDPOINT` (or
`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) names a collector: a span then costs the look at one variable.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType, TracebackType
from typing import Literal, Protocol, Self

Attribute = str | int | float | bool
Kind = Literal["internal", "server", "client"]
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_NOTHING: Mapping[str, Attribute] = MappingProxyType({})


class Span(Protocol):
    """A piece of work while it is going on."""

    def say(self, attributes: Mapping[str, Attribute]) -> None: ...

    def fail(self, reason: str) -> None: ...

    def rename(self, name: str) -> None: ...


class Recorder(Protocol):
    """What keeps spans and sends them; there is none where nobody wants them."""

    def span(
        self, name: str, attributes: Mapping[str, Attribute], *, parent: str | None, kind: Kind, held: bool
    ) -> AbstractContextManager[Span]: ...

    def say(self, attributes: Mapping[str, Attribute]) -> None: ...

    def traceparent(self) -> str | None: ...


class _Quiet:
    """The span where none is recorded."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def say(self, attributes: Mapping[str, Attribute]) -> None:
        return None

    def fail(self, reason: str) -> None:
        return None

    def rename(self, name: str) -> None:
        return None


QUIET = _Quiet()
"""A span that nobody records."""
_recorder: Recorder | None = None


def tracing_wanted() -> bool:
    """Whether the environment names a collector, by OpenTelemetry's own variables."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return False
    return any(os.environ.get(name) for name in ENDPOINTS)


def start_tracing(process: str) -> None:
    """Record spans in this process from here on, if anybody wants them; `process` names its kind.

    Asked again it does nothing. To be asked after a fork, never before: the sender is a thread.
    """
    global _recorder  # noqa: PLW0603  # one process, one sender
    if _recorder is None and tracing_wanted():
        from blocks.tracing.recording import OtlpRecorder  # noqa: PLC0415  # the SDK takes 0.2 s to load

        _recorder = OtlpRecorder(process)


def is_tracing() -> bool:
    """Whether spans are recorded; for those who would have to work out what to say."""
    return _recorder is not None


def span(
    name: str,
    attributes: Mapping[str, Attribute] = _NOTHING,
    *,
    parent: str | None = None,
    kind: Kind = "internal",
    held: bool = True,
) -> AbstractContextManager[Span]:
    """A span around what is done inside; an exception ends it as failed.

    `parent` is a W3C `traceparent`; without one (or with a broken one) the present span is the parent. With
    `held` false the span is no parent of what is begun inside: for generators, which leave their context.
    """
    if _recorder is None:
        return QUIET
    return _recorder.span(name, attributes, parent=parent, kind=kind, held=held)


def say(attributes: Mapping[str, Attribute]) -> None:
    """Add to what the present span tells."""
    if _recorder is not None:
        _recorder.say(attributes)


def traceparent() -> str | None:
    """The present span as W3C writes it, to be handed to another process; None when none is recorded."""
    return _recorder.traceparent() if _recorder is not None else None


def carried() -> dict[str, str]:
    """The header by which a request over HTTP becomes part of the present trace; none where there is none."""
    present = traceparent()
    return {"traceparent": present} if present else {}

"""Spans with OpenTelemetry's SDK, sent to a collector over OTLP/HTTP by a thread of its own."""

import atexit
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from blocks.errors import Refusal, SomaError
from blocks.tracing.spans import Attribute, Kind

TIMEOUT = 2.0
"""Seconds that one sending may take, unless OpenTelemetry's own variables say otherwise."""
DELAY_MS = 1000.0
"""How long spans are gathered before they are sent."""
LAST_SECONDS = 3.0
"""What a process that ends gives its last spans; a collector that is away must not hold it up."""
LONGEST = 500
"""Characters of one attribute."""
KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
_W3C = TraceContextTextMapPropagator()


class OtlpSpan:
    """A span of OpenTelemetry's behind our own few words."""

    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner

    def say(self, attributes: Mapping[str, Attribute]) -> None:
        self._inner.set_attributes(_short(attributes))

    def fail(self, reason: str) -> None:
        self._inner.set_status(Status(StatusCode.ERROR, reason[:LONGEST]))

    def rename(self, name: str) -> None:
        self._inner.update_name(name)


class OtlpRecorder:
    """Sends this process's spans to the collector that OpenTelemetry's variables name.

    It is not made OpenTelemetry's global provider: what libraries would record of their own accord may hold
    what was passed to them.
    """

    def __init__(self, process: str) -> None:
        self._provider = TracerProvider(resource=_resource(process), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_exporter(), schedule_delay_millis=DELAY_MS))
        self._tracer = self._provider.get_tracer("soma")
        atexit.register(self.end)

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Attribute], *, parent: str | None, kind: Kind, held: bool
    ) -> Iterator[OtlpSpan]:
        inner = self._tracer.start_span(
            name, context=_context_of(parent), kind=KINDS[kind], attributes=_short(attributes)
        )
        made = OtlpSpan(inner)
        token = otel_context.attach(trace.set_span_in_context(inner)) if held else None
        try:
            yield made
        except GeneratorExit:
            raise  # whoever reads a stream may stop when they have enough
        except BaseException as error:
            _tell_error(made, error)
            raise
        finally:
            if token is not None:
                otel_context.detach(token)
            inner.end()

    def say(self, attributes: Mapping[str, Attribute]) -> None:
        trace.get_current_span().set_attributes(_short(attributes))

    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent")

    def end(self) -> None:
        """Send what is left, and stop; without waiting long for a collector that does not answer."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(LAST_SECONDS)


def _exporter() -> OTLPSpanExporter:
    said = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
    return OTLPSpanExporter(timeout=None if any(os.environ.get(name) for name in said) else TIMEOUT)


def _resource(process: str) -> Resource:
    """Who sends: `soma-gateway`, `soma-run` and so on, with what `OTEL_RESOURCE_ATTRIBUTES` adds."""
    try:
        ours = version("soma-agent-hub")
    except PackageNotFoundError:
        ours = "0.0.0"
    prefix = os.environ.get("OTEL_SERVICE_NAME") or "soma"
    return Resource.create(
        {
            "service.namespace": "soma",
            "service.name": f"{prefix}-{process}",
            "service.version": ours,
            "process.pid": os.getpid(),
        }
    )


def _context_of(parent: str | None) -> Context | None:
    """The context of a `traceparent`; None, the present one, where there is none that can be read."""
    if parent is None:
        return None
    found = _W3C.extract({"traceparent": parent}, Context())
    known = trace.get_current_span(found).get_span_context()
    return otel_context.get_current() if not known.is_valid else found


def _tell_error(span: OtlpSpan, error: BaseException) -> None:
    """Our own errors in their words, others by their type alone: their texts may hold anything."""
    refused = isinstance(error, Refusal)
    span.say({"error.type": type(error).__name__, **({"soma.refused": True} if refused else {})})
    span.fail(error.message if isinstance(error, SomaError) else type(error).__name__)


def _short(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {name: value[:LONGEST] if isinstance(value, str) else value for name, value in attributes.items()}

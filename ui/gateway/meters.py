"""What the gateway counts, in Prometheus' words."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from blocks.records.counts import Reading
from blocks.records.tally import Sort

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """One gateway's meters in a registry of their own, so that two apps in a process do not mix."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, version: str = "0.0.0") -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "soma_gateway_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "soma_gateway_request_seconds",
            "How long an answer took; an event stream counts for as long as it was open.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.records = RecordMeters()
        self.registry.register(self.records)
        Gauge("soma_info", "Which version runs.", ("version",), registry=self.registry).labels(version).set(1)
        ProcessCollector(registry=self.registry)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        verb = method if method in METHODS else "OTHER"
        self.requests.labels(verb, route, str(status)).inc()
        self.seconds.labels(verb, route).observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self.registry)


class RecordMeters(Collector):
    """What the records said when they were last read; nothing at all while they cannot be read."""

    def __init__(self) -> None:
        self._readings: Sequence[Reading] = ()
        self._decisions: Mapping[Sort, int] = {}
        self._answered = False

    def hold(self, readings: Sequence[Reading], decisions: Mapping[Sort, int]) -> None:
        """Take over what the records say."""
        self._readings, self._decisions, self._answered = readings, decisions, True

    def forget(self) -> None:
        """Show no numbers rather than old ones."""
        self._readings, self._decisions, self._answered = (), {}, False

    def collect(self) -> Iterator[Metric]:
        told = "Whether the records could be read; while they cannot, nothing of them is shown."
        yield GaugeMetricFamily("soma_records_up", told, value=float(self._answered))
        for reading in self._readings:
            yield _family(reading)
        if self._answered:
            decisions = CounterMetricFamily(
                "soma_decisions", "Decisions by stage and verdict.", labels=("stage", "verdict")
            )
            for (stage, verdict), number in sorted(self._decisions.items()):
                decisions.add_metric((stage, verdict), number)
            yield decisions


def _family(reading: Reading) -> Metric:
    figure = reading.figure
    kind = CounterMetricFamily if figure.only_grows else GaugeMetricFamily
    family = kind(figure.name, figure.text, labels=figure.labels)
    for labels, number in reading.values:
        family.add_metric(labels, number)
    return family


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

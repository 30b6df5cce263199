"""What the gateway counts, in Prometheus' words."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """One gateway's meters in a registry of their own, so that two apps in a process do not mix."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
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
        self.projects = Gauge("soma_projects", "Projects by state.", ("state",), registry=self.registry)
        self.approvals = Gauge(
            "soma_approvals_pending", "Approvals that wait for a person.", registry=self.registry
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        verb = method if method in METHODS else "OTHER"
        self.requests.labels(verb, route, str(status)).inc()
        self.seconds.labels(verb, route).observe(seconds)

    def hold(self, projects: Mapping[str, int], pending: int) -> None:
        """Take over what the records say."""
        self.projects.clear()
        for state, number in projects.items():
            self.projects.labels(state).set(number)
        self.approvals.set(pending)

    def forget(self) -> None:
        """Show no numbers rather than old ones."""
        self.projects.clear()
        self.approvals.set(float("nan"))

    def render(self) -> bytes:
        return generate_latest(self.registry)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

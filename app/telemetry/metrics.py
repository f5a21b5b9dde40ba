"""Counters and timings for Prometheus, summed over the server's processes where a folder for that is given."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

REQUESTS = Counter("miles_http_requests_total", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("miles_http_request_seconds", "Time to answer a request.", ["method", "route"])
CHECKOUTS = Counter("miles_checkouts_total", "Checkouts by how they ended.", ["status"])


def exposition(folder: Path | None, gauges: dict[str, tuple[str, float]]) -> bytes:
    """Everything in Prometheus's text format: counters, then `gauges` (name -> help, value) read just now."""
    if folder is not None:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
        text = generate_latest(registry)
    else:
        text = generate_latest()
    lines = [f"# HELP {name} {about}\n# TYPE {name} gauge\n{name} {value}\n" for name, (about, value) in gauges.items()]
    return text + "".join(lines).encode()

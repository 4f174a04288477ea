"""Counters for `/metrics`, in Prometheus' text form."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Counter("cauce_http_requests", "HTTP requests", ["method", "route", "status"], registry=REGISTRY)
SECONDS = Histogram("cauce_http_request_seconds", "Time to answer", ["method", "route"], registry=REGISTRY)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render() -> bytes:
    """Everything counted so far."""
    return generate_latest(REGISTRY)

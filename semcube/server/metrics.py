# SPDX-License-Identifier: Apache-2.0
"""Counters for Prometheus at ``/metrics``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CountRequests", "Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The counters of one server, in a registry of its own."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        info = Gauge("semcube_info", "The version that runs.", ["version"], registry=self.registry)
        info.labels(version).set(1)
        self._requests = Counter(
            "semcube_http_requests_total", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self._bytes = Counter(
            "semcube_http_response_bytes_total", "Bytes of bodies sent.", ["route"], registry=self.registry
        )
        self._seconds = Histogram(
            "semcube_http_request_seconds",
            "Time until the last byte.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._work = Histogram(
            "semcube_work_seconds", "Time of queries and updates.", ["operation", "outcome"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.running = Gauge("semcube_http_requests_running", "Requests being answered.", registry=self.registry)

    def ran(self, operation: str, outcome: str, seconds: float) -> None:
        """Count a query or update; ``outcome`` is ``done`` or the class of its error."""
        self._work.labels(operation, outcome).observe(seconds)

    def answered(self, route: str, method: str, status: int, sent: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, method, str(status)).inc()
        self._bytes.labels(route).inc(sent)
        self._seconds.labels(route).observe(seconds)

    def response(self) -> Response:
        """All counters in the text format of Prometheus."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class CountRequests:
    """Counts every request by its route, so that the number of series does not grow with the addresses asked."""

    def __init__(self, application: ASGIApp, metrics: Metrics) -> None:
        self.application = application
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count it."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        status, sent, begun = 500, 0, time.perf_counter()

        async def counting(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        with self.metrics.running.track_inprogress():
            try:
                await self.application(scope, receive, counting)
            finally:
                route = getattr(scope.get("route"), "path", "other")
                self.metrics.answered(route, scope["method"], status, sent, time.perf_counter() - begun)

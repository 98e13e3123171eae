"""Traces by OpenTelemetry, where an endpoint is set."""

from collections.abc import Callable

from fastapi import FastAPI

from deepsentry.control import Api

SERVICE = "deepsentry-api"


def trace(app: FastAPI, api: Api) -> Callable[[], None]:
    """Send a span for each request to `api.otlp_endpoint`; return what sends the last ones at the end."""
    if not api.otlp_endpoint:
        return _nothing
    # slow to import, and few processes trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(api.otlp_endpoint)))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls="/health/.*,/metrics")
    return provider.shutdown


def _nothing() -> None:
    """There is none to be sent."""

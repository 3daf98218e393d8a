"""A collector of traces: receives what exporters send by OTLP over HTTP (opentelemetry-proto), and keeps it."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from testkit.upstream import Answer, FakeUpstream


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """One span; `parent` is the id of its parent, empty for the first span of a trace."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, str]


class TraceCollector(FakeUpstream):
    """Serves `POST /v1/traces`. The exporters' endpoint is its `url`."""

    def __init__(self) -> None:
        super().__init__(Answer(body=b"", headers={"Content-Type": "application/x-protobuf"}))

    def bodies(self) -> bytes:
        """Return all that was received, as sent and without compression."""
        return b"".join(
            gzip.decompress(r.body) if r.body[:2] == b"\x1f\x8b" else r.body for r in self.received
        )

    def spans(self) -> Sequence[CollectedSpan]:
        """Return all spans so far."""
        # Messages of Protocol Buffers that follow one another are one message with the lists of all.
        request = ExportTraceServiceRequest.FromString(self.bodies())
        found = []
        for resource in request.resource_spans:
            service = _texts(resource.resource.attributes)["service.name"]
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                kind = type(span).SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                found.append(CollectedSpan(service, span.name, kind, *ids, _texts(span.attributes)))
        return found


def _texts(attributes: Sequence[object]) -> dict[str, str]:
    return {each.key: _text(each.value) for each in attributes}  # type: ignore[attr-defined]


def _text(value: AnyValue) -> str:
    return str(getattr(value, value.WhichOneof("value") or "string_value"))

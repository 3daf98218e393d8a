"""Request and response bodies for receivers (SSF 1.0 sections 7 and 8, RFC 8936)."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from service_kit.web.openapi import parameter
from touchstone.text import is_line

from auth_service.domain.security_events.event import EVENTS
from auth_service.domain.security_events.stream import (
    VERIFY_INTERVAL_SECONDS,
    DeliveryMethod,
    Stream,
    StreamStatus,
)

MAX_POLLED = 100  # events that one poll returns
MAX_ACKNOWLEDGED = 1000  # events that one poll acknowledges
Identifier = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
TokenId = Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]
EventType = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]


def _line(text: str) -> str:
    if not is_line(text):
        raise ValueError("must be one line without control characters")
    return text


Text = Annotated[str, Field(max_length=500), AfterValidator(_line)]


class SsfConfiguration(BaseModel):
    """SSF 1.0 section 7.1: the transmitter's metadata."""

    spec_version: str
    issuer: str
    jwks_uri: str
    delivery_methods_supported: list[str]
    configuration_endpoint: str
    status_endpoint: str
    verification_endpoint: str
    authorization_schemes: list[dict[str, str]]
    default_subjects: str


class Delivery(BaseModel):
    """The delivery method. `endpoint_url` and `authorization_header` are for push; the header is never returned."""

    method: Literal["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"]
    endpoint_url: Annotated[str, Field(max_length=2000)] | None = None
    authorization_header: Annotated[str, Field(max_length=2000)] | None = Field(None, repr=False)


class NewStream(BaseModel):
    """A new stream. The default is poll delivery of all events."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "delivery": {"method": "urn:ietf:rfc:8936"},
                "events_requested": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],
                "description": "Ends of sessions",
            }
        }
    )

    delivery: Delivery = Delivery(method="urn:ietf:rfc:8936")
    events_requested: Annotated[list[EventType], Field(min_length=1, max_length=50)] | None = None
    description: Text | None = None


class StreamChange(BaseModel):
    """The members to change; absent members stay. Members that the transmitter sets must be unchanged, if present."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"stream_id": "st-1a2b3c", "description": "Ends of sessions"}}
    )

    stream_id: Identifier
    delivery: Delivery | None = None
    events_requested: Annotated[list[EventType], Field(min_length=1, max_length=50)] | None = None
    description: Text | None = None
    iss: str | None = None
    aud: str | list[str] | None = None
    events_supported: list[str] | None = None
    events_delivered: list[str] | None = None
    min_verification_interval: int | None = None


class StreamReplacement(StreamChange):
    """A whole configuration; absent members get the defaults of a new stream."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "stream_id": "st-1a2b3c",
                "delivery": {"method": "urn:ietf:rfc:8936"},
                "events_requested": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],
            }
        }
    )

    delivery: Delivery


class DeliveryView(BaseModel):
    """The delivery method of a stream."""

    method: str
    endpoint_url: str


class StreamView(BaseModel):
    """SSF 1.0 section 8.1.1: a stream's configuration."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "stream_id": "st-1a2b3c",
                "iss": "http://localhost:8080",
                "aud": "signals-receiver",
                "events_supported": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],
                "events_requested": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],
                "events_delivered": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],
                "delivery": {
                    "method": "urn:ietf:rfc:8936",
                    "endpoint_url": "http://localhost:8080/ssf/poll/st-1a2b3c",
                },
                "min_verification_interval": 60,
            }
        }
    )

    stream_id: str
    iss: str
    aud: str
    events_supported: list[str]
    events_requested: list[str]
    events_delivered: list[str]
    delivery: DeliveryView
    min_verification_interval: int
    description: str | None = None

    @classmethod
    def of(cls, stream: Stream, issuer: str) -> "StreamView":
        """Return the view of a stream."""
        return cls(
            stream_id=stream.stream_id,
            iss=issuer,
            aud=stream.audience,
            events_supported=list(EVENTS),
            events_requested=list(stream.requested),
            events_delivered=list(stream.delivered),
            delivery=DeliveryView(
                method=stream.method, endpoint_url=stream.endpoint_url or poll_url(issuer, stream.stream_id)
            ),
            min_verification_interval=VERIFY_INTERVAL_SECONDS,
            description=stream.description,
        )


class StreamPath(BaseModel):
    """The id of a stream."""

    stream_id: Identifier = parameter("The id of a stream.", "st-1a2b3c")


class StreamQuery(BaseModel):
    """The id of a stream; without it, all streams of the client."""

    stream_id: Identifier | None = parameter(
        "The id of a stream; without it, all streams of the client.", default=None
    )


class StatusChange(StreamPath):
    """The new status of a stream and the reason."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"stream_id": "st-1a2b3c", "status": "paused", "reason": "maintenance"}}
    )

    status: StreamStatus
    reason: Text | None = None


class StatusView(BaseModel):
    """SSF 1.0 section 8.1.2.1."""

    stream_id: str
    status: str
    reason: str | None = None


class VerificationRequest(StreamPath):
    """SSF 1.0 section 8.1.4.2; `state` is returned in the verification event."""

    model_config = ConfigDict(json_schema_extra={"example": {"stream_id": "st-1a2b3c", "state": "check-1"}})

    state: Annotated[str, Field(max_length=1000)] | None = None


class SetError(BaseModel):
    """Why a token was refused (RFC 8936 section 2.2)."""

    err: Annotated[str, Field(max_length=100)]
    description: Annotated[str, Field(max_length=1000)] | None = None


class PollRequest(BaseModel):
    """RFC 8936 section 2.2: the events to return, and the acknowledgements and errors of earlier ones."""

    model_config = ConfigDict(json_schema_extra={"example": {"maxEvents": 10, "returnImmediately": True}})

    maxEvents: Annotated[int, Field(ge=0)] = MAX_POLLED  # noqa: N815 - the RFC's names
    returnImmediately: bool = False  # noqa: N815 - the name in RFC 8936
    ack: Annotated[list[TokenId], Field(max_length=MAX_ACKNOWLEDGED)] = []
    setErrs: Annotated[dict[TokenId, SetError], Field(max_length=MAX_ACKNOWLEDGED)] = {}  # noqa: N815 - the name in RFC 8936


class PollResponse(BaseModel):
    """RFC 8936 section 2.3: signed tokens by their `jti`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sets": {
                    "c5e1": "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIyZjRkMWE2ZSJ9.c2lnbmF0dXJl"
                },
                "moreAvailable": False,
            }
        }
    )

    sets: dict[str, str]
    moreAvailable: bool  # noqa: N815 - the name in RFC 8936


def poll_url(issuer: str, stream_id: str) -> str:
    """Return the poll endpoint of a stream."""
    return f"{issuer}/ssf/poll/{stream_id}"


def ssf_configuration(issuer: str) -> dict[str, Any]:
    """Return the transmitter's metadata."""
    return SsfConfiguration(
        spec_version="1_0",
        issuer=issuer,
        jwks_uri=f"{issuer}/.well-known/jwks.json",
        delivery_methods_supported=[str(method) for method in DeliveryMethod],
        configuration_endpoint=f"{issuer}/ssf/streams",
        status_endpoint=f"{issuer}/ssf/status",
        verification_endpoint=f"{issuer}/ssf/verification",
        authorization_schemes=[{"spec_urn": "urn:ietf:rfc:6749"}],
        default_subjects="ALL",
    ).model_dump()

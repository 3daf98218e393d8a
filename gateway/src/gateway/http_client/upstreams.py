"""The services behind the door: where each is, how sick it is, how much it is asked at once."""

import time
from dataclasses import dataclass

from service_kit.clock import Clock
from service_kit.http_client.circuit_breaker import CircuitBreaker

from gateway.errors import Refusal, retry
from gateway.http_client.connection_pool import Client
from gateway.http_client.exchange import Call, Transfer, UpstreamError

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
MAX_AT_ONCE = 256  # requests to one service; what a sick one holds back is bounded, the others go on
_SLUGS = {"refused": "upstream_unavailable", "timeout": "upstream_timeout", "broken": "bad_gateway"}


@dataclass(slots=True)
class Service:
    """One service: its name, its base URL, its breaker, and how many requests it has from here.

    At most `max_waits` of them may wait for a document to change.
    """

    name: str
    url: str
    breaker: CircuitBreaker
    max_waits: int
    at_once: int = 0
    waits: int = 0

    @classmethod
    def at(cls, name: str, url: str, max_waits: int = 0, now: Clock = time.monotonic) -> "Service":
        """Return a service that is believed to be well."""
        return cls(name, url, CircuitBreaker(now=now), max_waits)

    def unavailable(self) -> Refusal:
        """Return the answer while the service is not asked at all."""
        detail = f"{self.name} is not available at the moment."
        return Refusal("upstream_unavailable", detail, retry(self.breaker.retry_after()))

    def begin(self, client: Client, call: Call) -> "Exchange":
        """Start the call. Raises Refusal (503) while the breaker is open, or when too many calls run."""
        probe = self.breaker.state != "closed"
        if self.at_once >= MAX_AT_ONCE or (probe and not self.breaker.allow()):
            raise self.unavailable()
        if call.method not in IDEMPOTENT or call.body is None:
            call = call._replace(fresh=True)
        return Exchange(self, client, call, probe=probe)


class Exchange:
    """One request to a service and its answer, with the one retry that is allowed."""

    __slots__ = ("_call", "_client", "_headed", "_probe", "_service", "transfer")

    def __init__(self, service: Service, client: Client, call: Call, *, probe: bool) -> None:
        self._service = service
        self._client = client
        self._call = call
        self._headed = False
        self._probe = probe
        service.at_once += 1
        self.transfer: Transfer = client.start(call)

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return status and headers of the answer; repeat an idempotent call once if it failed before a byte came.

        Raises Refusal: 503 when the service cannot be reached, 504 when it is too slow, 502 when it speaks nonsense.
        """
        try:
            try:
                head = await self.transfer.head()
            except UpstreamError as error:
                if not self._may_repeat(error):
                    raise
                self.transfer.close()
                self.transfer = self._client.start(self._call._replace(fresh=True))
                head = await self.transfer.head()
        except UpstreamError as error:
            self._headed = True
            self._service.breaker.record_failure()
            raise self._refusal(error) from None
        self._headed = True
        self._service.breaker.record_success()
        return head

    def close(self) -> None:
        """End it, whatever its state; a transfer under way is cut off."""
        self.transfer.close()
        self._service.at_once -= 1
        if not self._headed and self._probe:
            self._service.breaker.record_failure()  # the client left, and the probe has shown nothing

    def _may_repeat(self, error: UpstreamError) -> bool:
        call = self._call
        if error.began or error.reason == "timeout":
            return False
        return call.method in IDEMPOTENT and call.body is not None

    def _refusal(self, error: UpstreamError) -> Refusal:
        details = {
            "refused": f"{self._service.name} is not available at the moment.",
            "timeout": f"{self._service.name} did not answer in time.",
            "broken": f"{self._service.name} gave no proper answer.",
        }
        after = retry(self._service.breaker.retry_after())
        return Refusal(_SLUGS[error.reason], details[error.reason], after)

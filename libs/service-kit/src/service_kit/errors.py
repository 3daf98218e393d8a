"""The errors that service_kit raises; `web/problems.py` has the HTTP response to each."""


class ServiceKitError(Exception):
    """The base of these errors."""


class UpstreamUnavailable(ServiceKitError):
    """Another service, named `service`, is unavailable.

    `retry_after` is in whole seconds, at least 1. `reason` is for the log alone.
    """

    def __init__(self, service: str, retry_after: int = 1, reason: str | None = None) -> None:
        super().__init__(f"{service} is not available at the moment.")
        self.reason = reason
        self.service = service
        self.retry_after = max(1, retry_after)


class ExchangeRefused(ServiceKitError):
    """auth-service refused a token request (RFC 6749 section 5.2, RFC 8693 section 2.2.2).

    `error` and `error_description` of its response are for the log; the caller does not see them.
    """

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__("auth-service refused a token for a call to another service.")
        self.error = error
        self.description = description


class CannotMigrate(ServiceKitError):
    """The database has a revision that this version of the service does not have: a newer version has migrated it."""


class BadCursor(ServiceKitError):
    """A pagination cursor that this service did not make."""

    def __init__(self) -> None:
        super().__init__("Use the next_cursor of the previous page, unchanged.")


class MalformedJson(ServiceKitError):
    """A request body that is not strict JSON (RFC 8259, without duplicate members)."""


class InvalidRequest(ServiceKitError):
    """A well-formed request that the operation does not accept; `extra` lists the faults, without the values."""

    def __init__(self, faults: list[dict[str, str]]) -> None:
        super().__init__("Each fault is listed in errors.")
        self.extra: dict[str, object] = {"errors": faults}

"""The errors that the chassis itself raises; the problems table says what each becomes on the wire."""


class ServiceKitError(Exception):
    """The base of all of them."""


class UpstreamUnavailable(ServiceKitError):  # noqa: N818 - named for what is the case, as in DESIGN.md
    """Another service cannot answer now.

    `retry_after` is in whole seconds, at least 1; `service` is the name of the one that is missing. `reason` says why,
    for the log alone.
    """

    def __init__(self, service: str, retry_after: int = 1, reason: str | None = None) -> None:
        super().__init__(f"{service} is not available at the moment")
        self.reason = reason
        self.service = service
        self.retry_after = max(1, retry_after)


class ExchangeRefused(ServiceKitError):  # noqa: N818 - likewise
    """The mint answered a token request with an OAuth error (RFC 6749 section 5.2, RFC 8693 section 2.2.2).

    `error` is the OAuth code; `description` the mint's own words, for the log. Neither is shown to the caller.
    """

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__("the token issuer refused a token for this call")
        self.error = error
        self.description = description


class CannotMigrate(ServiceKitError):  # noqa: N818 - likewise
    """The database is at a revision that this version of the service does not know; a newer one was here before."""


class BadCursor(ServiceKitError):  # noqa: N818 - likewise
    """A pagination cursor that was not made here."""

    def __init__(self) -> None:
        super().__init__("the cursor is not one of ours")


class MalformedJson(ServiceKitError):  # noqa: N818 - likewise
    """A request body that is not strict JSON (RFC 8259, one reading only)."""


class InvalidRequest(ServiceKitError):  # noqa: N818 - likewise
    """Well-formed, but not what the operation takes; `extra` lists the faults, without the values."""

    def __init__(self, faults: list[dict[str, str]]) -> None:
        super().__init__("the request has faults")
        self.extra: dict[str, object] = {"errors": faults}

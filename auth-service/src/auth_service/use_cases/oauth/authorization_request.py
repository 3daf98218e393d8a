"""Authorization requests, and where their errors may be sent (RFC 6749 section 4.1, RFC 9700 section 4.1)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from touchstone.text import is_line

from auth_service.domain.errors import AuthError
from auth_service.domain.oauth import errors
from auth_service.domain.oauth.client import Client, Clients, GrantType, check_grant
from auth_service.domain.oauth.redirect_uris import add_parameters, is_registered
from auth_service.domain.oauth.registry import Registry
from auth_service.domain.oauth.scopes import narrow_audiences, parse_scope
from auth_service.domain.unit_of_work import Store

REPEATABLE = frozenset({"resource", "audience"})
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
Pairs = Iterable[tuple[str, str]]
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,9}")
_UNSUPPORTED: Mapping[str, type[errors.OAuthError]] = {
    "request": errors.RequestNotSupported,
    "request_uri": errors.RequestUriNotSupported,
    "registration": errors.RegistrationNotSupported,
}


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """Where the response goes; made only for a redirect URI that is registered for the client."""

    redirect_uri: str
    state: str | None
    issuer: str

    def response_uri(self, **parameters: str | None) -> str:
        """Return the redirect URI with these parameters, `state` and `iss` (RFC 9207)."""
        return add_parameters(self.redirect_uri, {**parameters, "state": self.state, "iss": self.issuer})

    def error_uri(self, error: errors.OAuthError) -> str:
        """Return the redirect URI of an error response (RFC 6749 section 4.1.2.1)."""
        return self.response_uri(error=error.slug, error_description=str(error))


class AuthorizationRefused(AuthError):  # noqa: N818 - named for what happened
    """An error that is sent to the client's redirect URI."""

    def __init__(self, address: ReturnAddress, error: errors.OAuthError) -> None:
        super().__init__(str(error))
        self.address = address
        self.error = error


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid request. `scopes` is None if absent, `max_age` is in seconds, `pairs` are the parameters as received."""

    client: Client
    address: ReturnAddress
    scopes: frozenset[str] | None
    audiences: tuple[str, ...]
    code_challenge: str
    nonce: str | None
    prompts: frozenset[str]
    max_age: int | None
    id_token_hint: str | None
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AuthorizationRequestParser:
    """Parses authorization requests and checks them against the client's registration."""

    store: Store
    clients: Clients
    issuer: str

    def __call__(self, pairs: Pairs) -> AuthorizationRequest:
        """Return the request.

        Raise InvalidAuthorizationRequest for an invalid client or redirect URI, so the browser is not redirected, and
        AuthorizationRefused for any other fault.
        """
        pairs = tuple(pairs)
        values, repeated, named = _split(pairs)
        client = self._client(values, repeated)
        address = self._address(client, values, repeated)
        try:
            if repeated:
                raise errors.InvalidRequest("a parameter appears more than once")
            with self.store.joining() as tx:
                registry = tx.registry.get()
            return _request(registry, client, address, values, named, pairs)
        except errors.OAuthError as error:
            raise AuthorizationRefused(address, error) from None

    def _client(self, values: Mapping[str, str], repeated: frozenset[str]) -> Client:
        client_id = values.get("client_id", "")
        client = self.clients.get(client_id)
        if client is None or not client.enabled or "client_id" in repeated:
            raise errors.InvalidAuthorizationRequest(
                "this application is not registered",
                f"client_id {client_id} is unknown, disabled or repeated"
                if client_id
                else "client_id is missing",
            )
        return client

    def _address(self, client: Client, values: Mapping[str, str], repeated: frozenset[str]) -> ReturnAddress:
        uri = values.get("redirect_uri", "")
        if "redirect_uri" in repeated or not is_registered(uri, client.redirect_uris, self.issuer):
            raise errors.InvalidAuthorizationRequest(
                "this application's redirect address is not registered",
                f"redirect_uri {uri} is not registered for client {client.client_id}"
                if uri
                else "redirect_uri is missing",
            )
        state = None if "state" in repeated else values.get("state")
        return ReturnAddress(uri, state, self.issuer)


def _split(pairs: Pairs) -> tuple[dict[str, str], frozenset[str], tuple[str, ...]]:
    """Return single values, repeated names, and the audiences; empty values count as absent."""
    values: dict[str, str] = {}
    repeated: set[str] = set()
    named: list[str] = []
    for name, value in pairs:
        if not value:
            continue
        if name in REPEATABLE:
            named.append(value)
        elif name in values:
            repeated.add(name)
        else:
            values[name] = value
    return values, frozenset(repeated), tuple(named)


def _request(  # noqa: PLR0913, PLR0917 - all that a request is made of
    registry: Registry,
    client: Client,
    address: ReturnAddress,
    values: Mapping[str, str],
    audiences: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
) -> AuthorizationRequest:
    for name, error in _UNSUPPORTED.items():
        if name in values:
            raise error(f"{name} is not supported")
    check_grant(client, GrantType.AUTHORIZATION_CODE)
    _check_response(values)
    if not is_line(values.get("nonce", "")):
        raise errors.InvalidRequest("nonce must be one line without control characters")
    scopes = registry.known(parse_scope(values.get("scope")))
    if scopes is not None and not scopes <= client.scopes:
        raise errors.InvalidScope("this client is not registered for one of the requested scopes")
    narrow_audiences(audiences, client.audiences)
    return AuthorizationRequest(
        client=client,
        address=address,
        scopes=scopes,
        audiences=audiences,
        code_challenge=_challenge(values),
        nonce=values.get("nonce"),
        prompts=_prompts(values.get("prompt")),
        max_age=_max_age(values.get("max_age")),
        id_token_hint=values.get("id_token_hint"),
        pairs=pairs,
    )


def _check_response(values: Mapping[str, str]) -> None:
    if "response_type" not in values:
        raise errors.InvalidRequest("response_type is missing")
    if values["response_type"] != "code":
        raise errors.UnsupportedResponseType("response_type must be code")
    if values.get("response_mode", "query") != "query":
        raise errors.InvalidRequest("response_mode must be query")


def _challenge(values: Mapping[str, str]) -> str:
    if values.get("code_challenge_method") != "S256":
        raise errors.InvalidRequest("PKCE is required: code_challenge_method must be S256")
    challenge = values.get("code_challenge", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise errors.InvalidRequest("code_challenge must be a base64url-encoded SHA-256 digest")
    return challenge


def _prompts(prompt: str | None) -> frozenset[str]:
    prompts = frozenset((prompt or "").split())
    if not prompts <= PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise errors.InvalidRequest("prompt has an unknown value, or combines none with others")
    return prompts


def _max_age(seconds: str | None) -> int | None:
    if seconds is None:
        return None
    if not _SECONDS.fullmatch(seconds):
        raise errors.InvalidRequest("max_age must be a number of seconds")
    return int(seconds)

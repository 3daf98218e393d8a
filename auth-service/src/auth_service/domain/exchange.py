"""Token exchange (RFC 8693): a service acts for a user, with less than the user's own token allows."""

from dataclasses import dataclass, replace
from typing import Protocol

from auth_service.domain.audit import REFUSED, AuditEvent, Event, record_alone
from auth_service.domain.clients import Client, GrantType
from auth_service.domain.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidTarget,
    OAuthError,
    SessionOver,
    UnauthorizedClient,
)
from auth_service.domain.grants import narrow_audiences, narrow_scopes
from auth_service.domain.issuing import AccessToken, Issuing, TokenAnswer
from auth_service.domain.sessions import Session, live_session
from auth_service.domain.statuses import StatusRef
from auth_service.domain.store import Store

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 (a protocol's name)
LONGEST_CHAIN = 3


@dataclass(frozen=True, slots=True)
class OwnToken:
    """An access token of ours whose every check has passed. ``actors`` are outermost first."""

    subject: str
    client_id: str
    audiences: tuple[str, ...]
    scopes: frozenset[str]
    roles: frozenset[str]
    expires_at: int
    issued_at: int
    token_id: str
    session_id: str | None = None
    auth_time: int | None = None
    actors: tuple[str, ...] = ()
    status: StatusRef | None = None


class TokenReader(Protocol):
    """Verifies access tokens that this mint signed."""

    def read(self, token: str, audience: str) -> OwnToken | None:
        """Give the token if every rule for a resource server of this audience holds, else None."""

    def read_any(self, token: str) -> OwnToken | None:
        """Likewise, for whichever of our audiences it was made."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Makes a token for one further audience: never more scope, never more life, the same session."""

    store: Store
    reader: TokenReader
    issuing: Issuing

    def __call__(
        self, client: Client, subject_token: str, target: str, scopes: frozenset[str] | None
    ) -> TokenAnswer:
        """Answer with the narrower token; raises UnauthorizedClient, InvalidRequest, InvalidTarget, InvalidScope.

        ``client`` has proved who it is. A subject token that is bad, over, or not meant for this client is
        an InvalidRequest, as RFC 8693 section 2.2.2 wants it. Refusals are recorded.
        """
        try:
            return self._exchanged(client, subject_token, target, scopes)
        except OAuthError as refused:
            detail = {"error": refused.slug, "audience": target[:100]}
            refusal = AuditEvent(
                Event.TOKEN_EXCHANGED,
                REFUSED,
                actor=client.client_id,
                client_id=client.client_id,
                detail=detail,
            )
            record_alone(self.store, refusal)
            raise

    def _exchanged(
        self, client: Client, subject_token: str, target: str, scopes: frozenset[str] | None
    ) -> TokenAnswer:
        if GrantType.TOKEN_EXCHANGE not in client.grants:
            raise UnauthorizedClient("this client is not registered for token exchange")
        subject, session = self._subject(subject_token, client)
        if target not in client.audiences or target not in subject.audiences:
            raise InvalidTarget(
                "this audience is not in the subject token and the client's registration both"
            )
        actors = (client.client_id, *subject.actors)
        if len(actors) > LONGEST_CHAIN:
            raise InvalidRequest(f"a chain of delegation has at most {LONGEST_CHAIN} actors")
        now = int(self.issuing.now())
        token = AccessToken(
            subject=subject.subject,
            client_id=client.client_id,
            audiences=narrow_audiences([target], [target]),
            scopes=narrow_scopes(scopes, client.scopes & subject.scopes),
            expires_at=min(now + self.issuing.lifetimes.access, subject.expires_at),
            roles=subject.roles,
            session_id=session.sid,
            status=session.status,
            auth_time=subject.auth_time,
            actors=actors,
        )
        return self.issuing.answer(token, issued_token_type=ACCESS_TOKEN_TYPE)

    def _subject(self, subject_token: str, client: Client) -> tuple[OwnToken, Session]:
        subject = self.reader.read(subject_token, client.client_id)
        if subject is None or subject.expires_at <= self.issuing.now():
            raise InvalidRequest("the subject token is not a good token for this client")
        try:
            with self.store.reading() as tx:
                session = live_session(tx, subject.subject, subject.session_id, self.issuing.now())
                account = tx.accounts.get(subject.subject)
        except SessionOver:
            raise InvalidRequest("the session of the subject token has ended") from None
        if account is None or account.disabled:
            raise InvalidRequest("the account of the subject token cannot be used")
        return subject, session


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """The ``client_credentials`` grant: a token for a service itself, with no user and no session behind it.

    Its status is the client's, so that disabling the client ends it.
    """

    store: Store
    issuing: Issuing

    def __call__(
        self, client: Client, scopes: frozenset[str] | None, audiences: tuple[str, ...]
    ) -> TokenAnswer:
        """Answer for a client that has proved itself.

        Raises UnauthorizedClient, InvalidScope, InvalidTarget, or InvalidClient when it was disabled a moment ago.
        """
        if GrantType.CLIENT_CREDENTIALS not in client.grants or not client.confidential:
            raise UnauthorizedClient("this client is not registered for client_credentials")
        token = AccessToken(
            subject=client.client_id,
            client_id=client.client_id,
            audiences=narrow_audiences(audiences, client.audiences),
            scopes=narrow_scopes(scopes, client.own_scopes),
            expires_at=int(self.issuing.now()) + self.issuing.lifetimes.access,
        )
        with self.store.transaction() as tx:
            if not tx.clients.hold(client.client_id):
                raise InvalidClient("this client is not known here")
            status = tx.statuses.of_client(client.client_id)
        return self.issuing.answer(replace(token, status=status))

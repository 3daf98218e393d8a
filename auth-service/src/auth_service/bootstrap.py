"""The parts of auth-service, and everything that is made of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from flask import Flask
from prometheus_client.registry import Collector
from service_kit.database import open_database, upgrade
from service_kit.server.shutdown import stopping
from sqlalchemy import Engine

from auth_service.adapters.argon2 import Argon2Hasher
from auth_service.adapters.mail import mailer_for
from auth_service.adapters.mail.demo_console import announce
from auth_service.adapters.published_scopes import PublishedScopes
from auth_service.adapters.registry_files import AllClients, FileClients, registry_files
from auth_service.adapters.successor_encryption import HkdfSealer
from auth_service.adapters.zxcvbn import weakness
from auth_service.background.change_watcher import ChangeWatcher
from auth_service.background.job import Job
from auth_service.background.mail_outbox import MailOutbox
from auth_service.domain.accounts.password import PasswordHasher
from auth_service.domain.clock import Clock
from auth_service.domain.email import Outbox
from auth_service.domain.sessions.status_bits import Changes, ReadPosition
from auth_service.domain.signing_keys import KeyTimes
from auth_service.settings import Settings
from auth_service.signing.client_assertions import ClientAssertionReader, ClientKeys
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.metrics import KeyMetrics
from auth_service.signing.status_list_tokens import StatusLists
from auth_service.signing.token_verification import (
    AccessTokenReader,
    BearerVerifier,
    HintKeyFinder,
    IdTokenHintReader,
    LocalKeys,
    LocalStatuses,
)
from auth_service.storage import MIGRATIONS
from auth_service.storage.notifications import notifications_of
from auth_service.storage.replica_lock import replicas_lock
from auth_service.storage.status_bits import StatusPlan
from auth_service.storage.unit_of_work import SqlStore
from auth_service.use_cases.accounts.browser_login import AuthenticateBrowser, BeginBrowserSession
from auth_service.use_cases.accounts.demo_accounts import DEMO_ACCOUNTS, DemoAccounts, DemoLogin
from auth_service.use_cases.accounts.demo_tokens import DemoTokens
from auth_service.use_cases.accounts.email_verification import EmailVerification, SendVerification
from auth_service.use_cases.accounts.login import Login, PasswordCheck
from auth_service.use_cases.accounts.login_throttle import LoginThrottle
from auth_service.use_cases.accounts.magic_link import MagicLinkLogin, MagicLinkRequest
from auth_service.use_cases.accounts.password_change import PasswordChange
from auth_service.use_cases.accounts.password_reset import PasswordReset, PasswordResetRequest
from auth_service.use_cases.accounts.registration import Registration
from auth_service.use_cases.admin.administration import Administration
from auth_service.use_cases.admin.key_rotation import ScheduledKeyRotation
from auth_service.use_cases.oauth.authorization_code_grant import AuthorizationCodeGrant
from auth_service.use_cases.oauth.authorization_endpoint import AuthorizationEndpoint
from auth_service.use_cases.oauth.authorization_request import AuthorizationRequestParser
from auth_service.use_cases.oauth.client_authentication import ClientAuthentication
from auth_service.use_cases.oauth.client_credentials_grant import ClientCredentialsGrant
from auth_service.use_cases.oauth.client_origins import ClientOrigins
from auth_service.use_cases.oauth.device_approval import DeviceApproval
from auth_service.use_cases.oauth.device_authorization import DeviceAuthorization
from auth_service.use_cases.oauth.device_code_grant import DeviceCodeGrant
from auth_service.use_cases.oauth.introspection import Introspection
from auth_service.use_cases.oauth.refresh_token_grant import RefreshTokenGrant
from auth_service.use_cases.oauth.revocation import Revocation
from auth_service.use_cases.oauth.rp_initiated_logout import LogoutRequestParser, RpInitiatedLogout
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant
from auth_service.use_cases.oauth.token_issuer import Lifetimes, TokenIssuer
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession
from auth_service.use_cases.sessions.logout import Logout
from auth_service.use_cases.sessions.own_sessions import OwnSessions
from auth_service.web.dependencies import UseCases
from auth_service.web.html.cookies import Cookies
from auth_service.web.html.csrf import FormGuard
from auth_service.web.long_polling import LongPolls
from auth_service.web.metrics import PublishingMetrics

AUDIENCE: Final = "auth-service"


class BackgroundJob(Protocol):
    """Work of a thread of its own."""

    name: str

    def ensure(self) -> None:
        """Start the thread unless this process has it."""

    def stop(self) -> None:
        """End the thread."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that use cases, routes, jobs and commands share."""

    settings: Settings
    now: Clock
    engine: Engine
    store: SqlStore
    hasher: PasswordHasher
    clients: AllClients
    client_keys: ClientKeys
    keys: KeyRing
    status_lists: StatusLists
    tokens: AccessTokenReader
    outbox: Outbox
    long_polls: LongPolls
    published_scopes: PublishedScopes
    watcher: ChangeWatcher


def build_parts(
    settings: Settings, hasher: PasswordHasher | None, outbox: Outbox | None, now: Clock
) -> Parts:
    """Return the parts, with the database upgraded and, if the settings say so, the demo accounts in it.

    Raise SQLAlchemyError if the database is unavailable, `KeyFault` for a bad signing key.
    """
    engine = open_database(settings.database_url)
    upgrade(engine, MIGRATIONS)
    rows = registry_files(settings.registry_file)
    plan = StatusPlan(settings.status_list_size, settings.access_token_ttl)
    store = SqlStore(engine, now, plan=plan, registry=rows.registry)
    with store.transaction() as tx:
        tx.statuses.add_first_list()
    hasher = hasher or Argon2Hasher(at_once=settings.password_hashes_at_once)
    if settings.demo:
        DemoAccounts(store, hasher, now)(DEMO_ACCOUNTS, settings.demo_password.get_secret_value())
    times = KeyTimes.of(jwks_max_age=settings.jwks_max_age, access_ttl=settings.access_token_ttl)
    keys = KeyRing(settings.signing.storage(replicas_lock(engine, "keys")), times, now)

    def changes(since: ReadPosition | None) -> Changes:
        with store.reading() as tx:
            return tx.statuses.changes_since(since)

    lists = StatusLists(settings.issuer, changes, keys, ttl=settings.status_list_ttl, now=now)
    long_polls = LongPolls(settings.waiting_requests, stopping=stopping())
    published_scopes = PublishedScopes(store)
    watcher = ChangeWatcher(notifications_of(engine), long_polls.wake, keys, lists, published_scopes)
    return Parts(
        settings=settings,
        now=now,
        engine=engine,
        store=store,
        hasher=hasher,
        clients=AllClients(FileClients(rows.clients), store),
        client_keys=ClientKeys(settings.keys_dir / "clients"),
        keys=keys,
        status_lists=lists,
        tokens=AccessTokenReader(settings.issuer, LocalKeys(keys), LocalStatuses(lists), store, now),
        outbox=outbox or _outbox(settings, now),
        long_polls=long_polls,
        published_scopes=published_scopes,
        watcher=watcher,
    )


def build_issuer(parts: Parts) -> BearerVerifier:
    """Return what verifies the tokens of this service's own routes."""
    verifier = parts.tokens.verifier(AUDIENCE)
    return BearerVerifier(verifier, parts.status_lists, parts.settings.status_fresh_within)


def build_use_cases(parts: Parts) -> UseCases:
    """Return the use cases that routes and commands call."""
    settings, store, clients, keys = parts.settings, parts.store, parts.clients, parts.keys
    hasher, tokens, now, issuer = parts.hasher, parts.tokens, parts.now, parts.settings.issuer
    lifetimes = Lifetimes(
        settings.access_token_ttl, settings.refresh_token_idle_ttl, settings.refresh_token_ttl
    )
    # every URL that a client assertion may name as its audience (RFC 7523 section 3)
    names = (issuer, settings.issuer_backchannel)
    audiences = frozenset(url for name in names for url in (name, f"{name}/oauth/token"))
    token_issuer = TokenIssuer(issuer, lifetimes, keys, now)
    assertions = ClientAssertionReader(parts.client_keys)
    throttle = LoginThrottle(now) if settings.rate_limits else None
    hints = IdTokenHintReader(issuer, HintKeyFinder(keys, store, now))
    check = PasswordCheck(store, hasher, throttle)
    begin_browser_session = BeginBrowserSession(store, check, now)
    send_verification = SendVerification(parts.outbox, issuer, now)
    return UseCases(
        issuer=issuer,
        jwks_max_age=settings.jwks_max_age,
        signing_keys=keys,
        status_lists=parts.status_lists,
        long_polls=parts.long_polls,
        forms=FormGuard(Cookies(issuer), issuer, now),
        admin=Administration.of(store, hasher, keys, clients.fixed, now, settings.session_life),
        demo_login=_demo_login(settings),
        published_scopes=parts.published_scopes,
        registration=Registration(store, hasher, now, send_verification, weakness),
        login=Login(store, clients, hasher, token_issuer, throttle),
        demo_tokens=DemoTokens(store, clients, token_issuer),
        password_change=PasswordChange(store, hasher, now, weakness),
        email_verification=EmailVerification(store, send_verification, now),
        magic_link_request=MagicLinkRequest(store, parts.outbox, issuer, now),
        magic_link_login=MagicLinkLogin(store, clients, token_issuer, begin_browser_session),
        password_reset_request=PasswordResetRequest(store, parts.outbox, issuer, now),
        password_reset=PasswordReset(store, hasher, now, weakness),
        begin_browser_session=begin_browser_session,
        authenticate_browser=AuthenticateBrowser(store, now),
        logout=Logout(store, now),
        own_sessions=OwnSessions(store, clients, now),
        authorization_request_parser=AuthorizationRequestParser(store, clients, issuer),
        authorization_endpoint=AuthorizationEndpoint(store, hints, now),
        client_authentication=ClientAuthentication(store, clients, assertions, audiences, now),
        client_origins=ClientOrigins(clients),
        authorization_code_grant=AuthorizationCodeGrant(store, token_issuer),
        refresh_token_grant=RefreshTokenGrant(store, clients, HkdfSealer(), token_issuer),
        client_credentials_grant=ClientCredentialsGrant(store, token_issuer),
        token_exchange_grant=TokenExchangeGrant(store, tokens, token_issuer),
        device_authorization=DeviceAuthorization(store, now),
        device_approval=DeviceApproval(store, clients, now, settings.rate_limits),
        device_code_grant=DeviceCodeGrant(store, token_issuer),
        introspection=Introspection(store, clients, tokens, now),
        revocation=Revocation(store, clients, tokens, now),
        userinfo=UserInfo(store, tokens, now),
        logout_request_parser=LogoutRequestParser(clients, hints, issuer),
        rp_initiated_logout=RpInitiatedLogout(EndBrowserSession(store, now)),
    )


def collectors(parts: Parts) -> Iterator[Collector]:
    """Yield the metrics of this service, beside those that all services have."""
    yield KeyMetrics(parts.keys.statuses, parts.now)
    yield PublishingMetrics(parts.status_lists, parts.long_polls)


def jobs(parts: Parts) -> Iterator[BackgroundJob]:
    """Yield the jobs of each process that serves."""
    yield parts.watcher
    interval = parts.settings.key_rotation_interval
    if interval:
        life = parts.settings.session_life
        rotate = ScheduledKeyRotation(parts.store, parts.keys, interval, parts.now, life)
        yield Job("key rotation", rotate, every=min(interval / 10, 60))


def run_job(app: Flask, job: BackgroundJob) -> None:
    """Run a job from the first request on: servers fork before it, and commands need no thread."""
    app.before_request(job.ensure)
    app.extensions.setdefault("jobs", {})[job.name] = job


def _demo_login(settings: Settings) -> DemoLogin | None:
    """Return what the log-in page of the demo shows; None without the demo, or with a password of the operator's choice."""
    published = Settings.model_fields["demo_password"].default
    if not settings.demo or settings.demo_password != published:
        return None
    return DemoLogin(tuple(DEMO_ACCOUNTS), published.get_secret_value())


def _outbox(settings: Settings, now: Clock) -> Outbox:
    mailer = mailer_for(settings.mail_url, settings.mail_from, settings.mail_password)
    return MailOutbox(mailer, now=now, announce=announce if settings.demo else None)

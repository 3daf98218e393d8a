"""How auth-service is put together; the use cases are made in `use_cases.py`, and nothing is wired elsewhere."""

import time
from collections.abc import Callable
from importlib.metadata import version

from service_kit.app import create_api
from service_kit.database import database_check, open_database, threads_at_once, upgrade
from service_kit.server.shutdown import stopping
from service_kit.settings import is_loopback
from service_kit.web.openapi import Api
from touchstone.flask import Touchstone

from auth_service import cli
from auth_service.adapters.argon2 import Argon2Hasher
from auth_service.adapters.client_files import AllClients, ClientRegistry, file_clients, packaged_clients
from auth_service.adapters.event_metrics import SignalMetrics
from auth_service.adapters.event_push_client import HttpPusher
from auth_service.adapters.mail import mailer_for
from auth_service.adapters.mail.demo_console import announce
from auth_service.background.change_watcher import ChangeWatcher
from auth_service.background.event_pusher import AT_ONCE, EventPusher
from auth_service.background.job import Job
from auth_service.background.mail_outbox import ThreadedOutbox
from auth_service.background.new_events import NewEventMarker
from auth_service.bootstrap import wire
from auth_service.domain.accounts.password import PasswordHasher
from auth_service.domain.clock import Clock
from auth_service.domain.email import Outbox
from auth_service.domain.oauth.scopes import AUDIENCES
from auth_service.domain.sessions.status_bits import Changes, ReadPosition
from auth_service.domain.signing_keys import KeyTimes
from auth_service.domain.unit_of_work import Store
from auth_service.settings import Settings
from auth_service.signing.client_assertions import ClientKeys
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.metrics import KeyMetrics
from auth_service.signing.status_list_tokens import StatusLists
from auth_service.signing.token_verification import LocalKeys, LocalStatuses, OwnBearers, OwnTokens
from auth_service.storage import MIGRATIONS
from auth_service.storage.notifications import bell_of
from auth_service.storage.replica_lock import replicas_lock
from auth_service.storage.status_bits import StatusPlan
from auth_service.storage.unit_of_work import SqlStore
from auth_service.use_cases.accounts.demo_accounts import DEMO_ACCOUNTS, DemoAccounts
from auth_service.use_cases.admin.key_rotation import ScheduledKeyRotation
from auth_service.use_cases.security_events.emit import SecurityEventEmitter
from auth_service.use_cases.security_events.poll import PollDelivery
from auth_service.use_cases.security_events.push import PushDelivery
from auth_service.use_cases.security_events.streams import StreamAdmin, StreamManagement
from auth_service.web import errors as answers
from auth_service.web import issuer_address
from auth_service.web import request_origin as origin
from auth_service.web.accounts import email_links as proofs
from auth_service.web.accounts import magic_links as magic
from auth_service.web.accounts import own_sessions as account
from auth_service.web.accounts import routes as accounts
from auth_service.web.admin import routes as admin
from auth_service.web.discovery import metadata as wellknown
from auth_service.web.discovery import status_lists as status_routes
from auth_service.web.long_polling import LongPolls
from auth_service.web.metrics import PublishingMetrics
from auth_service.web.oauth import device_authorization as device
from auth_service.web.oauth import token_endpoints as oauth
from auth_service.web.oauth import userinfo
from auth_service.web.pages import authorize, end_session
from auth_service.web.pages import device as device_page
from auth_service.web.security_events import routes as signals
from auth_service.web.security_events.dependencies import SecurityEventUseCases

AUDIENCE = "auth-service"
PAGES = frozenset(
    {
        authorize.PATH,
        device_page.PATH,
        end_session.PATH,
        magic.PATH,
        proofs.VERIFICATION,
        proofs.RESET,
    }
)


def create_app(
    settings: Settings,
    *,
    hasher: PasswordHasher | None = None,
    outbox: Outbox | None = None,
    now: Clock = time.time,
) -> Api:
    """Return the service, ready to be served: database up to date, keys there, demo accounts if asked for.

    Raises SQLAlchemyError when the database cannot be reached, KeyFault when a signing key is not as it must be.
    """
    engine = open_database(settings.database_url)
    upgrade(engine, MIGRATIONS)
    plan = StatusPlan(settings.status_list_size, settings.access_token_ttl)
    store = SqlStore(engine, now, plan=plan, listeners=[SecurityEventEmitter])
    with store.transaction() as tx:
        tx.statuses.add_first_list()
    hasher = hasher or Argon2Hasher(at_once=settings.password_hashes_at_once)
    if settings.demo:
        DemoAccounts(store, hasher, now)(DEMO_ACCOUNTS, settings.demo_password.get_secret_value())
    ring = KeyRing(settings.signing.vault(replicas_lock(engine, "keys")), _key_times(settings), now)
    statuses = _statuses(settings, store, ring, now)
    tokens = OwnTokens(settings.issuer, LocalKeys(ring), LocalStatuses(statuses), AUDIENCES, now)
    app = create_api(
        AUDIENCE,
        settings,
        title="Touchstone auth-service",
        version=version("auth-service"),
        checks={"database": database_check(engine), "keys": ring.fault},
        problems=answers.PROBLEMS,
    )
    app.config["THREADS"] += settings.waiting_requests  # each holds a thread
    app.config["THREADS_AT_ONCE"] = threads_at_once(engine)
    app.extensions["engine"] = engine
    answers.install(app)
    origin.install(app)
    issuer_address.install(app, settings.issuer, PAGES)
    Touchstone(app, OwnBearers(tokens.verifier(AUDIENCE), statuses, settings.status_fresh_within))
    clients = AllClients(ClientRegistry([*packaged_clients(), *file_clients(settings.clients_file)]), store)
    waits = LongPolls(settings.waiting_requests, stopping=stopping())
    outbox = outbox or _outbox(settings, now)
    told = SignalMetrics(store, now)
    use_cases = wire(settings, store, hasher, clients, ring, tokens, statuses, waits, outbox, now)
    for routes in (
        accounts,
        oauth,
        wellknown,
        admin,
        authorize,
        end_session,
        userinfo,
        magic,
        account,
        proofs,
        device,
        device_page,
        status_routes,
    ):
        app.register_api(routes.blueprint(use_cases))
    events = _events(settings, store, clients, ring, waits, told, now)
    app.register_api(signals.blueprint(events))
    use_cases.admin.clients.end_sessions_of_disabled()
    install_key = ClientKeys(settings.keys_dir / "clients").install
    for command in cli.commands(use_cases.admin, StreamAdmin(store), install_key, settings.signing.encrypt):
        app.cli.add_command(command)
    _tend_keys(app, settings, store, ring, now)
    couriers = _couriers(settings, store, clients, ring, told, now)
    _watch(
        app,
        ChangeWatcher(
            bell_of(engine), (ring, statuses, NewEventMarker(store)), _all(waits.wake, couriers.wake)
        ),
    )
    app.before_request(couriers.ensure)
    app.extensions["couriers"] = couriers
    for metrics in (PublishingMetrics(statuses, waits), told):
        app.extensions["metrics"].register(metrics)
    return app


def _statuses(settings: Settings, store: Store, ring: KeyRing, now: Clock) -> StatusLists:
    """Give the status lists over this database."""

    def changes(since: ReadPosition | None) -> Changes:
        with store.reading() as tx:
            return tx.statuses.changes_since(since)

    return StatusLists(settings.issuer, changes, ring, ttl=settings.status_list_ttl, now=now)


def _events(  # noqa: PLR0913, PLR0917 (as below)
    settings: Settings,
    store: SqlStore,
    clients: AllClients,
    ring: KeyRing,
    waits: LongPolls,
    told: SignalMetrics,
    now: Clock,
) -> SecurityEventUseCases:
    """Wire the use cases of receivers of security events."""
    streams = StreamManagement(store, now, allow_http=is_loopback(settings.issuer))
    return SecurityEventUseCases(
        settings.issuer, streams, PollDelivery(store), clients, ring, waits, told.count
    )


def _couriers(  # noqa: PLR0913, PLR0917 (as below)
    settings: Settings, store: SqlStore, clients: AllClients, ring: KeyRing, told: SignalMetrics, now: Clock
) -> EventPusher:
    """Wire what sees signals off, from the first request on."""
    deliver = PushDelivery(store, clients, ring, HttpPusher(at_once=AT_ONCE), settings.issuer, now)
    return EventPusher(deliver, told.count)


def _all(*calls: Callable[[], object]) -> Callable[[], None]:
    def each() -> None:
        for call in calls:
            call()

    return each


def _watch(app: Api, watcher: ChangeWatcher) -> None:
    """Have what is published kept recent from the first request on."""
    app.before_request(watcher.ensure)
    app.extensions["watcher"] = watcher


def _tend_keys(app: Api, settings: Settings, store: Store, ring: KeyRing, now: Clock) -> None:
    """Have the keys rotated by schedule from the first request on, and counted."""
    app.extensions["metrics"].register(KeyMetrics(ring.statuses, now))
    interval = settings.key_rotation_interval
    if interval:
        rotate = ScheduledKeyRotation(store, ring, interval, now, settings.session_life)
        schedule = Job("key rotation", rotate, every=min(interval / 10, 60))
        app.before_request(schedule.ensure)
        app.extensions["key_schedule"] = schedule


def _outbox(settings: Settings, now: Clock) -> Outbox:
    mailer = mailer_for(settings.mail_url, settings.mail_from, settings.mail_password)
    return ThreadedOutbox(mailer, now=now, announce=announce if settings.demo else None)


def _key_times(settings: Settings) -> KeyTimes:
    return KeyTimes.of(jwks_max_age=settings.jwks_max_age, access_ttl=settings.access_token_ttl)

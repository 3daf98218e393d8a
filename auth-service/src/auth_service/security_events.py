"""The wiring of security events (Shared Signals Framework 1.0).

Nothing else imports a package named `security_events`: without these packages and this module the service starts, and
only its security events are missing.
"""

from service_kit.settings import is_loopback
from service_kit.web import problems
from service_kit.web.openapi import Api

from auth_service.adapters.security_events.metrics import EventMetrics
from auth_service.adapters.security_events.push_client import HttpPushClient
from auth_service.background.security_events.new_events import NewEventMarker
from auth_service.background.security_events.pusher import MAX_PUSHES, EventPusher
from auth_service.bootstrap import Parts, run_job
from auth_service.cli.security_events import signal_commands
from auth_service.storage.security_events.unit_of_work import (
    SqlSecurityEventStore,
    SqlSecurityEventTransaction,
)
from auth_service.use_cases.security_events.emitter import SecurityEventEmitter
from auth_service.use_cases.security_events.poll import PollDelivery
from auth_service.use_cases.security_events.push import PushDelivery
from auth_service.use_cases.security_events.streams import StreamAdmin, StreamManagement
from auth_service.web.security_events import routes
from auth_service.web.security_events.dependencies import SecurityEventUseCases
from auth_service.web.security_events.errors import PROBLEMS


def install(app: Api, parts: Parts) -> None:
    """Add the session listener, the routes, the commands, the metrics and the push delivery."""
    problems.install(app, PROBLEMS)
    issuer, now, clients, keys = parts.settings.issuer, parts.now, parts.clients, parts.keys
    parts.store.add_listener(lambda tx: SecurityEventEmitter(SqlSecurityEventTransaction(tx)))
    store = SqlSecurityEventStore(parts.store)
    metrics = EventMetrics(store, now)
    app.extensions["metrics"].register(metrics)
    streams = StreamManagement(store, now, allow_http=is_loopback(issuer))
    poll = PollDelivery(store)
    use_cases = SecurityEventUseCases(issuer, streams, poll, clients, keys, parts.long_polls, metrics.count)
    app.register_api(routes.blueprint(use_cases))
    app.cli.add_command(signal_commands(StreamAdmin(store)))
    push = PushDelivery(store, clients, keys, HttpPushClient(at_once=MAX_PUSHES), issuer, now)
    pusher = EventPusher(push, metrics.count)
    run_job(app, pusher)
    parts.watcher.add(NewEventMarker(store), pusher.wake)

"""The wiring of auth-service."""

import time
from importlib.util import find_spec
from typing import Final

from service_kit.app import create_api
from service_kit.client_address import TrustedProxies
from service_kit.web.openapi import Api
from touchstone.flask import Touchstone

from auth_service import cli
from auth_service.bootstrap import (
    AUDIENCE,
    build_issuer,
    build_parts,
    build_use_cases,
    collectors,
    jobs,
    run_job,
)
from auth_service.domain.accounts.password import PasswordHasher
from auth_service.domain.clock import Clock
from auth_service.domain.email import Outbox
from auth_service.settings import Settings
from auth_service.web import errors, issuer_address, request_origin
from auth_service.web.accounts import (
    demo_tokens,
    email_verification,
    magic_links,
    own_sessions,
    password_resets,
)
from auth_service.web.accounts import routes as accounts
from auth_service.web.admin import routes as admin
from auth_service.web.discovery import jwks, metadata, status_lists
from auth_service.web.oauth import cors, device_authorization, token_endpoints, userinfo
from auth_service.web.pages import authorize, device, end_session, magic_link, pending_request, registration

ROUTES: Final = (
    accounts,
    own_sessions,
    magic_links,
    email_verification,
    password_resets,
    token_endpoints,
    device_authorization,
    userinfo,
    authorize,
    device,
    end_session,
    jwks,
    metadata,
    status_lists,
    admin,
)
PAGES: Final = frozenset(
    {
        pending_request.AUTHORIZATION,
        pending_request.DEVICE,
        end_session.PATH,
        magic_link.REQUEST,
        magic_link.REDEEM,
        registration.PATH,
        email_verification.PATH,
        password_resets.REQUEST,
        password_resets.REDEEM,
    }
)


def create_app(
    settings: Settings,
    *,
    hasher: PasswordHasher | None = None,
    outbox: Outbox | None = None,
    now: Clock = time.time,
) -> Api:
    """Return the service, ready to be served, with its database upgraded and its signing keys loaded.

    Raise SQLAlchemyError if the database is unavailable, `KeyFault` for a bad signing key.
    """
    parts = build_parts(settings, hasher, outbox, now)
    app = create_api(
        AUDIENCE,
        settings,
        title="Touchstone auth-service",
        engine=parts.engine,
        checks={"keys": parts.keys.fault},
        problems=errors.PROBLEMS,
    )
    app.config["THREADS"] += settings.waiting_requests  # each of them holds a thread
    errors.install(app)
    request_origin.install(app, TrustedProxies(settings.trusted_proxies))
    issuer_address.install(app, settings.issuer, PAGES)
    Touchstone(app, build_issuer(parts))
    use_cases = build_use_cases(parts)
    cors.install(app, use_cases)
    for routes in (*ROUTES, demo_tokens) if settings.demo else ROUTES:
        app.register_api(routes.blueprint(use_cases))
    for command in cli.commands(use_cases.admin, parts.client_keys.install, settings.signing.encrypt):
        app.cli.add_command(command)
    for collector in collectors(parts):
        app.extensions["metrics"].register(collector)
    for job in jobs(parts):
        run_job(app, job)
    if find_spec("auth_service.security_events"):
        from auth_service import security_events

        security_events.install(app, parts)
    use_cases.admin.clients.end_sessions_of_disabled()  # last, so that these ends are events too
    return app

"""The wiring of users-service."""

import time

from service_kit.app import create_api
from service_kit.clock import Clock
from service_kit.database import Database, open_database, upgrade
from service_kit.http_client.service_client import ServiceClient
from service_kit.token_verification import issuer_for
from service_kit.web.openapi import Api
from touchstone import Issuer

from users_service.adapters.auth_client import AuthServiceNames
from users_service.domain.account_name import AccountNames
from users_service.settings import Settings
from users_service.storage import MIGRATIONS
from users_service.storage.profiles import SqlProfiles
from users_service.use_cases import UseCases
from users_service.web import routes
from users_service.web.errors import PROBLEMS

AUDIENCE = "users-service"


def create_app(
    settings: Settings,
    *,
    names: AccountNames | None = None,
    issuer: Issuer | None = None,
    now: Clock = time.time,
) -> Api:
    """Return the service, ready to be served, with its database upgraded.

    Without `names`, auth-service has the names of accounts. Raise SQLAlchemyError if the database is unavailable.
    """
    engine = open_database(settings.database_url)
    upgrade(engine, MIGRATIONS)
    app = create_api(
        AUDIENCE,
        settings,
        title="Touchstone users",
        engine=engine,
        reads_in_loop=True,
        problems=PROBLEMS,
        issuer=issuer or issuer_for(settings, AUDIENCE, now),
    )
    use_cases = UseCases.of(SqlProfiles(Database(engine)), names or _names(settings, now), now)
    app.register_api(routes.blueprint(use_cases))
    return app


def _names(settings: Settings, now: Clock) -> AccountNames:
    """Return the client of auth-service; its deadline is one second: a profile without a name is better than none."""
    auth = ServiceClient(settings.issuer_backchannel, name="auth-service", timeout=(0.5, 1.0), deadline=1.0)
    return AuthServiceNames(auth, now)

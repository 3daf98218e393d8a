"""How users-service is put together: the only wiring."""

import time
from importlib.metadata import version

from service_kit.app import create_api
from service_kit.clock import Clock
from service_kit.database import (
    Database,
    database_check,
    open_database,
    reads_in_loop,
    threads_at_once,
    upgrade,
)
from service_kit.http_client.service_client import ServiceClient
from service_kit.token_verification import issuer_for
from service_kit.web.openapi import Api
from touchstone import Issuer

from users_service.adapters.auth_client import AuthServiceNames
from users_service.domain.account_name import AccountNames
from users_service.domain.profile import Profiles
from users_service.settings import Settings
from users_service.storage import MIGRATIONS
from users_service.storage.profiles import SqlProfiles
from users_service.use_cases import Users
from users_service.web.errors import PROBLEMS
from users_service.web.routes import EXTENSION
from users_service.web.routes import profiles as routes

AUDIENCE = "users-service"


def create_app(
    settings: Settings,
    *,
    profiles: Profiles | None = None,
    names: AccountNames | None = None,
    issuer: Issuer | None = None,
    now: Clock = time.time,
) -> Api:
    """Return the service, ready to be served; without `profiles` they are kept in the database, brought up to date.

    Without `names` the names of accounts are fetched from auth-service.
    Raises SQLAlchemyError when the database cannot be reached.
    """
    database = Database(open_database(settings.database_url))
    if profiles is None:
        upgrade(database.engine, MIGRATIONS)
        profiles = SqlProfiles(database)
    app = create_api(
        AUDIENCE,
        settings,
        title="Touchstone users",
        version=version("users-service"),
        checks={"database": database_check(database.engine)},
        problems=PROBLEMS,
        issuer=issuer or issuer_for(settings, AUDIENCE, now),
    )
    app.config["THREADS_AT_ONCE"] = threads_at_once(database.engine)
    app.config["READS_IN_LOOP"] = reads_in_loop(database.engine)
    app.extensions["database"] = database
    app.extensions[EXTENSION] = Users(profiles, names or _names(settings, now), now)
    app.register_api(routes)
    return app


def _names(settings: Settings, now: Clock) -> AccountNames:
    """Return the client of auth-service; it waits one second at most: a profile without a name is better than none."""
    auth = ServiceClient(settings.issuer_backchannel, name="auth-service", timeout=(0.5, 1.0), deadline=1.0)
    return AuthServiceNames(auth, now)

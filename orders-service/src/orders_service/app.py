"""How orders-service is put together: the only wiring."""

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
from service_kit.http_client.oauth_client import ClientAssertion, TokenSource
from service_kit.http_client.service_client import ServiceClient
from service_kit.token_verification import issuer_for
from service_kit.web.openapi import Api
from touchstone import Issuer

from orders_service import cli
from orders_service.adapters.users_client import AUDIENCE as USERS
from orders_service.adapters.users_client import UsersServiceProfiles
from orders_service.domain.customer import Profiles
from orders_service.domain.product import DEMO_PRODUCTS
from orders_service.settings import CLIENT_ID, Settings, client_key
from orders_service.storage import MIGRATIONS
from orders_service.storage.orders import SqlOrders
from orders_service.storage.products import SqlCatalogue
from orders_service.use_cases import Shop
from orders_service.web.errors import PROBLEMS
from orders_service.web.routes import EXTENSION, orders, products

AUDIENCE = "orders-service"


def create_app(
    settings: Settings,
    *,
    profiles: Profiles | None = None,
    issuer: Issuer | None = None,
    now: Clock = time.time,
) -> Api:
    """Return the service, ready to be served, with its database brought up to date.

    Without `profiles` the customers are those of users-service. Raises SQLAlchemyError when the database cannot be
    reached.
    """
    database = Database(open_database(settings.database_url))
    upgrade(database.engine, MIGRATIONS)
    catalogue = SqlCatalogue(database)
    if settings.demo:
        catalogue.add_missing(DEMO_PRODUCTS)
    app = create_api(
        AUDIENCE,
        settings,
        title="Touchstone orders",
        version=version("orders-service"),
        checks={"database": database_check(database.engine)},
        problems=PROBLEMS,
        issuer=issuer or issuer_for(settings, AUDIENCE, now),
    )
    app.config["THREADS_AT_ONCE"] = threads_at_once(database.engine)
    app.config["READS_IN_LOOP"] = reads_in_loop(database.engine)
    app.extensions["database"] = database
    app.extensions[EXTENSION] = Shop(
        catalogue, SqlOrders(database), profiles or _profiles(settings, now), now
    )
    app.register_api(products)
    app.register_api(orders)
    cli.register(app, catalogue)
    return app


def _profiles(settings: Settings, now: Clock) -> Profiles:
    """Ask users-service, with tokens that the mint exchanges for this client."""
    assertion = ClientAssertion(CLIENT_ID, client_key(settings.keys_dir), settings.issuer)
    mint = ServiceClient(settings.issuer_backchannel, name="auth-service")
    tokens = TokenSource("/oauth/token", assertion, mint, now)
    return UsersServiceProfiles(tokens, ServiceClient(settings.users_url, name=USERS))

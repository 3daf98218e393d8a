"""The wiring of orders-service."""

import time

from service_kit.app import create_api
from service_kit.clock import Clock
from service_kit.database import Database, open_database, upgrade
from service_kit.http_client.client_key import token_source
from service_kit.http_client.service_client import ServiceClient
from service_kit.token_verification import issuer_for
from service_kit.web.openapi import Api
from touchstone import Issuer

from orders_service import cli
from orders_service.adapters import users_client
from orders_service.domain.customer import Customers
from orders_service.domain.product import DEMO_PRODUCTS
from orders_service.settings import CLIENT_ID, Settings
from orders_service.storage import MIGRATIONS
from orders_service.storage.orders import SqlOrders
from orders_service.storage.products import SqlProducts
from orders_service.use_cases import UseCases
from orders_service.web import routes
from orders_service.web.errors import PROBLEMS

AUDIENCE = "orders-service"


def create_app(
    settings: Settings,
    *,
    customers: Customers | None = None,
    issuer: Issuer | None = None,
    now: Clock = time.time,
) -> Api:
    """Return the service, ready to be served, with its database upgraded.

    Without `customers`, users-service has them. Raise SQLAlchemyError if the database is unavailable.
    """
    engine = open_database(settings.database_url)
    upgrade(engine, MIGRATIONS)
    database = Database(engine)
    products = SqlProducts(database)
    if settings.demo:
        products.add_missing(DEMO_PRODUCTS)
    app = create_api(
        AUDIENCE,
        settings,
        title="Touchstone orders",
        engine=engine,
        reads_in_loop=True,
        problems=PROBLEMS,
        issuer=issuer or issuer_for(settings, AUDIENCE, now),
    )
    use_cases = UseCases.of(products, SqlOrders(database), customers or _customers(settings, now), now)
    app.register_api(routes.blueprint(use_cases))
    app.cli.add_command(cli.product_commands(use_cases.import_products))
    return app


def _customers(settings: Settings, now: Clock) -> Customers:
    """Return the client of users-service, with tokens that auth-service exchanges for this service."""
    tokens = token_source(CLIENT_ID, settings.keys_dir, settings, now)
    users = ServiceClient(settings.users_url, name=users_client.AUDIENCE)
    return users_client.UsersServiceCustomers(tokens, users)

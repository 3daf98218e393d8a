"""The only wiring: what the door is made of."""

import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from flask import Flask
from prometheus_client import start_http_server
from service_kit.http_client.service_client import ServiceClient
from service_kit.observability import logs
from service_kit.observability.document_metrics import DocumentMetrics
from service_kit.token_verification import documents_for

from gateway import own, routes
from gateway.asgi import Door
from gateway.authentication import Edge
from gateway.flask_app import create_pages
from gateway.http_client.upstreams import Service
from gateway.metrics import Record
from gateway.openapi import Documents
from gateway.proxy import Forward
from gateway.rate_limits import Limits, Rates
from gateway.response_headers import HSTS, SAFE, Hygiene
from gateway.settings import Settings


def create_door(settings: Settings) -> tuple[Door, Flask]:
    """Return the door (ASGI), and the Flask app that is behind it."""
    logs.configure(settings.log_level, "gateway")
    addresses = {
        routes.AUTH: settings.auth_url,
        routes.USERS: settings.users_url,
        routes.ORDERS: settings.orders_url,
    }
    followed = documents_for(settings)
    edge = Edge(settings.issuer, addresses, followed, now=time.time)
    documents = Documents(_sources(addresses), settings.issuer, version("gateway"), now=time.monotonic)
    pages = create_pages(
        documents,
        {"issuer": lambda: None if edge.ready() else "no signing keys of the issuer yet"},
        followed.stats,
    )
    record = Record(log=settings.log_level in {"DEBUG", "INFO"})
    record.registry.register(DocumentMetrics(followed.stats))
    if settings.gateway_metrics_port is not None:
        start_http_server(settings.gateway_metrics_port, "127.0.0.1", record.registry)
    rates = Rates(settings.rate_limit_client, settings.rate_limit_login, settings.rate_limit_account)
    hygiene = Hygiene((*SAFE, HSTS) if settings.issuer.startswith("https:") else SAFE)
    waits = settings.waiting_requests // 2  # strangers leave half of the mint's places to its own verifiers
    door = Door(
        forward=Forward({name: Service.at(name, url, waits) for name, url in addresses.items()}, hygiene),
        hygiene=hygiene,
        edge=edge,
        limits=Limits(rates, settings.rate_limit_storage) if settings.rate_limits else None,
        local=pages.wsgi_app,
        record=record,
    )
    return door, pages


def _sources(addresses: Mapping[str, str]) -> dict[str, Callable[[], Mapping[str, Any]]]:
    clients = {name: ServiceClient(url, name=name) for name, url in addresses.items()}

    def fetch(client: ServiceClient) -> Callable[[], Mapping[str, Any]]:
        def ask() -> Mapping[str, Any]:
            answer = client.get("/openapi.json")
            answer.raise_for_status()
            document: Mapping[str, Any] = answer.json()
            return document

        return ask

    return {name: fetch(client) for name, client in clients.items()} | {routes.HERE: own.document}

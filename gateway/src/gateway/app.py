"""Puts the gateway's parts together."""

import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from service_kit.app import tracing_for
from service_kit.client_address import TrustedProxies
from service_kit.http_client.service_client import ServiceClient
from service_kit.observability import logs
from service_kit.observability.document_metrics import DocumentMetrics
from service_kit.observability.metrics import LogMetrics
from service_kit.server.shutdown import draining
from service_kit.token_verification import documents_for
from touchstone import IssuerDocuments

from gateway.api_docs.joined_document import Fetch, JoinedDocument
from gateway.api_docs.own_operations import gateway_document
from gateway.asgi import Gateway
from gateway.authentication import Authentication
from gateway.browser_session import routes as bff
from gateway.browser_session.browser_sessions import BrowserSessions
from gateway.browser_session.cookies import Cookies
from gateway.browser_session.issuer_client import IssuerClient
from gateway.browser_session.login import Login
from gateway.browser_session.refresher import Refresher
from gateway.browser_session.sealer import Sealer, parse_keys
from gateway.console.attacks import Attacks, SignedTokens
from gateway.console.cluster import Cluster
from gateway.console.poll_interval import PollInterval
from gateway.console.process_polls import ProcessPolls
from gateway.console.processes import ProcessStreams
from gateway.console.stopped_services import StoppedServices
from gateway.cors import Cors
from gateway.flask_app import create_flask_app
from gateway.http_client.service_calls import ServiceCalls
from gateway.http_client.upstreams import Upstream
from gateway.observability.access_log import AccessLog
from gateway.observability.metrics import Metrics
from gateway.observability.spans import SpanMaker
from gateway.own_routes import Handler
from gateway.proxy import Proxy
from gateway.rate_limits.rate_limits import RateLimits, Rates
from gateway.request_body import RequestBodies
from gateway.response_headers import HSTS, SECURITY_HEADERS, ResponseHeaders
from gateway.routing.route import GATEWAY
from gateway.settings import Settings


def create_app(settings: Settings) -> Gateway:
    """Return the ASGI application."""
    logs.configure(settings.log_level, "gateway")
    routes, urls = settings.routes, settings.urls()
    documents = documents_for(settings)
    authentication = Authentication(settings.issuer, routes.audiences(), documents, now=time.time)
    bodies = RequestBodies()
    metrics = Metrics(bodies.held)
    metrics.registry.register(DocumentMetrics(documents.stats))
    metrics.registry.register(LogMetrics())
    if settings.gateway_metrics_port is not None:
        try:
            start_http_server(settings.gateway_metrics_port, "127.0.0.1", metrics.registry)
        except OSError as error:
            raise SystemExit(f"error: GATEWAY_METRICS_PORT: {error.strerror}") from None
    hsts = (HSTS,) if settings.issuer.startswith("https:") else ()
    response_headers = ResponseHeaders((*SECURITY_HEADERS, *hsts))
    # Half of auth-service's places for long polls are left to the services that ask it directly.
    long_polls = settings.waiting_requests // 2
    upstreams = {
        name: Upstream(name, urls[name], long_polls if row.long_polls is None else row.long_polls)
        for name, row in routes.upstreams.items()
    }
    checks = {"issuer": lambda: None if authentication.ready() else "no signing keys of the issuer yet"}
    if settings.drain_seconds:
        checks["server"] = draining()
    document = JoinedDocument(routes, _sources(urls), settings.issuer, version("gateway"), now=time.monotonic)
    calls = ServiceCalls(upstreams)
    poll_interval = PollInterval()
    browser_sessions, bff_routes = _browser_sessions(
        settings, calls, authentication, poll_interval.request_seen
    )
    console = _console(settings, calls, authentication, documents, browser_sessions, poll_interval)
    proxy = Proxy(calls, response_headers)
    metrics.registry.register(proxy.metrics)
    return Gateway(
        cors=Cors(frozenset(origin.encode() for origin in settings.cors_origins)),
        routes=routes,
        calls=calls,
        proxy=proxy,
        response_headers=response_headers,
        authentication=authentication,
        rate_limits=_rate_limits(settings, metrics.registry) if settings.rate_limits else None,
        flask_app=create_flask_app(document, checks, documents.stats).wsgi_app,
        metrics=metrics,
        spans=SpanMaker.of(tracing_for(settings, "gateway"), server_timing=settings.server_timing),
        bodies=bodies,
        trusted_proxies=TrustedProxies(settings.trusted_proxies),
        drain_seconds=settings.drain_seconds,
        browser_sessions=browser_sessions,
        own_routes={**bff_routes, **console},
        access_log=AccessLog() if settings.log_level in {"DEBUG", "INFO"} else None,
    )


def _console(  # noqa: PLR0913, PLR0917 - parts of the gateway
    settings: Settings,
    calls: ServiceCalls,
    authentication: Authentication,
    documents: IssuerDocuments,
    sessions: BrowserSessions | None,
    poll_interval: PollInterval,
) -> dict[str, Handler]:
    stopped = StoppedServices(settings.stopped_services_file, settings.issuer)
    require = bff.refuse if sessions is None else sessions.require
    polls = ProcessPolls(
        issuer=settings.issuer,
        own_address=f"{settings.gateway_host}:{settings.gateway_port}",
        demo=settings.demo,
        routes=settings.routes,
        calls=calls,
        authentication=authentication,
        keys=documents.keys,
    )
    attacks = Attacks(
        demo=settings.demo,
        require=require,
        polls=polls.of,
        keys=documents.keys,
        signed_token=SignedTokens(calls, settings.routes),
    )
    return {
        "/console/attacks": attacks.list_all,
        "/console/attacks/{name}": attacks.send,
        "/console/cluster": Cluster(settings, stopped),
        "/console/processes": ProcessStreams(require, polls.of, poll_interval),
        "/console/services/{name}/stop": stopped,
        "/console/services/{name}/start": stopped,
    }


def _rate_limits(settings: Settings, registry: CollectorRegistry) -> RateLimits:
    rates = Rates(settings.rate_limit_client, settings.rate_limit_login, settings.rate_limit_account)
    url = settings.valkey_url
    return RateLimits(rates, registry, None if url is None else url.get_secret_value())


def _browser_sessions(
    settings: Settings,
    calls: ServiceCalls,
    authentication: Authentication,
    on_change: Callable[[], None],
) -> tuple[BrowserSessions | None, Mapping[str, Handler]]:
    if settings.bff_keys is None:
        return None, bff.off()
    issuer = settings.issuer
    sealer = Sealer(parse_keys(settings.bff_keys.get_secret_value()))
    cookies = Cookies(secure=issuer.startswith("https:"))
    issuer_client = IssuerClient(calls, settings.routes, issuer, time.time)
    refresher = Refresher(issuer_client.refresh, time.time)
    sessions = BrowserSessions(sealer, cookies, refresher, authentication, issuer, on_change=on_change)
    login = Login(sessions, issuer_client, sealer, issuer)
    return sessions, bff.handlers(sessions, login, issuer_client)


def _sources(urls: Mapping[str, str]) -> dict[str, Fetch]:
    def fetch(name: str, url: str) -> Callable[[], Mapping[str, Any]]:
        client = ServiceClient(url, name=name)

        def get() -> Mapping[str, Any]:
            response = client.get("/openapi.json")
            response.raise_for_status()
            document: Mapping[str, Any] = response.json()
            return document

        return get

    return {name: fetch(name, url) for name, url in urls.items()} | {GATEWAY: gateway_document}

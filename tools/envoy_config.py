"""Write Envoy's configuration, and that of `touchstone authz` behind it, from the gateway's routes.

The settings are the gateway's: ISSUER, ROUTES_FILE, AUTH_URL and so on; without them the addresses are those in compose.
AUTHZ_URL is where `touchstone authz` is, ENVOY_LISTEN where Envoy listens. What Envoy does is said in
deploy/envoy/README.md. `python tools/envoy_config.py FOLDER` writes `envoy.yaml` and `authz.args` there.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from gateway.cors import EXPOSED
from gateway.errors import PROBLEM_TYPES, UNAUTHORIZED
from gateway.response_headers import SECURITY_HEADERS
from gateway.routing.route import GATEWAY, Route
from gateway.routing.routes import RouteTable, load_routes
from service_kit.web.problems import MEDIA_TYPE, URN

FOLDER = Path(__file__).parents[1] / "deploy" / "envoy"
AUTHZ = "authz"
HEADER = (
    "# Written by `make envoy` from the gateway's routes.toml: change that file, or tools/envoy_config.py.\n"
)
LONG_POLL_SECONDS = 30.0  # that the answer to a long poll may take longer, as in the gateway
BODY_SECONDS = 15.0
JWKS_MAX_AGE = 60  # seconds; the issuer publishes a key for twice as long before it signs
VALUE = "[A-Za-z0-9._~:@+=-]{1,256}"  # what may take the place of a placeholder
# A path that a decoder could read as another one; RE2, matched against the whole path without the query.
BAD_PATH = (
    r"[^/].*|.*//.*|.*/\.\.?(?:/.*)?|.*[^A-Za-z0-9._~!$&'()*+,=:@/%-].*|.*%(?:[^0-9A-Fa-f].*|.[^0-9A-Fa-f].*|.?)"
    r"|.*%(?:[01][0-9A-Fa-f]|2[DdEeFf5]|3[0-9BbFf]|4[1-9A-Fa-f]|5[0-9AaCcFf]|6[1-9A-Fa-f]|7[0-9AaEeFf]).*"
)
HOST = r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
DROPPED = [
    "forwarded",
    "x-request-id",
    "x-client-ip",
    "x-cluster-client-ip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "remote-user",
]
DROPPED_PREFIXES = [
    "x-forwarded",
    "x-envoy",
    "x-real-ip",
    "x-user",
    "x-original",
    "x-rewrite",
    "x-remote",
    "x-authenticated",
    "x-accel",
    "x-sendfile",
    "proxy",
]
REVEALING = ("x-powered-by", "alt-svc", "server-timing")
CORS = [
    "allow-origin",
    "allow-methods",
    "allow-headers",
    "allow-credentials",
    "allow-private-network",
    "expose-headers",
    "max-age",
]
FILTERS = "envoy.filters.http."
Tree = dict[str, Any]


def typed(name: str, **fields: Any) -> Tree:
    """Return a `typed_config`, its type shortened."""
    return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **fields}


def http_filter(name: str, message: str, **fields: Any) -> Tree:
    """Return a filter of the chain."""
    return {"name": FILTERS + name, "typed_config": typed(f"filters.http.{name}.v3.{message}", **fields)}


def seconds(value: float) -> str:
    """Return a duration in Envoy's form."""
    return f"{value:g}s"


def added(headers: Iterable[tuple[str, str]], action: str = "OVERWRITE_IF_EXISTS_OR_ADD") -> list[Tree]:
    """Return headers to add."""
    return [{"header": {"key": key, "value": value}, "append_action": action} for key, value in headers]


def rule_name(route: Route) -> str:
    """Return the name of the rule of `touchstone authz` for a protected route: what it needs."""
    needs = [route.audience or "", *sorted(route.scopes), *(["fresh"] if route.fresh else [])]
    return "~".join(needs).replace(":", ".")


def authz_arguments(table: RouteTable, issuer: str, backchannel: str, port: int) -> str:
    """Return the arguments of `touchstone authz`, one option a line. Raise ValueError if two rules share a name."""
    rules: dict[str, str] = {}
    for route in table.routes:
        if route.audience is not None:
            option = "--fresh-rule" if route.fresh else "--rule"
            name = rule_name(route)
            line = " ".join([option, name, route.audience, *sorted(route.scopes)])
            if rules.setdefault(name, line) != line:
                raise ValueError(f"two rules would be named {name}")
    first = [f"--issuer {issuer}", f"--backchannel {backchannel}", f"--listen 0.0.0.0:{port}"]
    return "\n".join([*first, *sorted(rules.values()), ""])


def match(route: Route, *methods: str) -> Tree:
    """Return the match of a route's path, for these methods or all."""
    where: Tree
    if route.prefix:
        where = {"prefix": route.prefix}
    elif route.path == route.shape:
        where = {"path": route.path}
    else:
        where = {"safe_regex": {"regex": VALUE.join(map(re.escape, route.shape.split("{}")))}}
    if methods:
        one_of = {"safe_regex": {"regex": "|".join(sorted(methods))}}
        where["headers"] = [{"name": ":method", "string_match": one_of}]
    return where


def checks(route: Route | None) -> Tree:
    """Return what each filter does at a route; without one there is no token check, as no service is reached."""
    if route is None or route.audience is None:
        off = "envoy.config.route.v3.FilterConfig"
        return {
            FILTERS + name: {"@type": f"type.googleapis.com/{off}", "disabled": True}
            for name in ("jwt_authn", "ext_authz")
        }
    settings = {"http_service": authz_service(rule_name(route))}
    return {
        FILTERS + "jwt_authn": typed(
            "filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=route.audience
        ),
        FILTERS + "ext_authz": typed("filters.http.ext_authz.v3.ExtAuthzPerRoute", check_settings=settings),
    }


def authz_service(rule: str) -> Tree:
    """Return how `touchstone authz` is asked about a rule."""
    return {
        "server_uri": {"uri": f"http://{AUTHZ}", "cluster": AUTHZ, "timeout": "2s"},
        "path_override": f"/authorize/{rule}",
    }


def answer(where: Tree, status: int, *headers: tuple[str, str], body: str = "") -> Tree:
    """Return a route that Envoy answers itself; errors get their body from the local replies."""
    direct: Tree = {"status": status}
    if body:
        direct["body"] = {"inline_string": body}
    return {
        "match": where,
        "direct_response": direct,
        "response_headers_to_add": added(headers),
        "typed_per_filter_config": checks(None),
    }


def forward(route: Route) -> Tree:
    """Return the row of a route: checked, and passed to its service."""
    action: Tree = {
        "cluster": route.upstream,
        "timeout": seconds(route.timeout),
        "idle_timeout": seconds(max(route.idle_timeout, route.timeout + LONG_POLL_SECONDS)),
        "retry_policy": {"retry_on": "connect-failure,refused-stream", "num_retries": 1},
    }
    if route.kind == "long_poll":
        action["timeout"] = seconds(route.timeout + LONG_POLL_SECONDS)
    elif route.kind == "stream":
        action |= {"timeout": "0s", "idle_timeout": seconds(route.idle_timeout)}
    row: Tree = {
        "match": match(route, *route.methods),
        "route": action,
        "typed_per_filter_config": checks(route),
    }
    row["typed_per_filter_config"][FILTERS + "buffer"] = typed(
        "filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": max(route.max_body, 1)}
    )
    if route.kind != "long_poll":
        row["request_headers_to_remove"] = ["prefer"]
    if route.cors != "service":
        row["response_headers_to_remove"] = [f"access-control-{name}" for name in CORS]
    if route.cors == "public":
        row["response_headers_to_add"] = added(readable())
    return row


def readable() -> list[tuple[str, str]]:
    """Return the headers of a document that pages of every origin may read."""
    name, value = EXPOSED
    return [
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        (name.decode(), value.decode()),
    ]


def preflight(routes: list[Route]) -> Tree:
    """Return the row that answers preflights for a path: 204 if public, else 403, or what the service answers."""
    methods = sorted({method for route in routes for method in route.methods})
    where = match(routes[0], "OPTIONS")
    where["headers"] += [
        {"name": name, "present_match": True} for name in ("origin", "access-control-request-method")
    ]
    if routes[0].cors == "service":
        return forward(routes[0]) | {"match": where}
    if any(route.cors != "public" for route in routes):
        return answer(where, 403)
    allowed = ("access-control-allow-methods", ", ".join(methods)), ("access-control-max-age", "600")
    return answer(where, 204, *readable(), *allowed)


def rows(table: RouteTable) -> Iterator[Tree]:
    """Yield the rows in the order in which Envoy tries them: plain paths, patterns, prefixes; else 404."""
    yield answer({"safe_regex": {"regex": BAD_PATH}}, 400)
    no_host = {"name": ":authority", "string_match": {"safe_regex": {"regex": HOST}}, "invert_match": True}
    yield answer({"prefix": "/", "headers": [no_host]}, 400)
    yield answer({"path": "/livez"}, 200, ("content-type", "application/json"), body='{"status": "alive"}')
    yield {
        "match": {"path": "/readyz"},
        "route": {"cluster": AUTHZ, "timeout": "2s"},
        "typed_per_filter_config": checks(None),
    }

    def order(route: Route) -> tuple[bool, int, str]:
        return route.prefix is not None, route.shape.count("{}"), route.shape

    passed_on = sorted((route for route in table.routes if route.upstream != GATEWAY), key=order)
    for _, group in groupby(passed_on, key=lambda route: route.shape):
        routes = list(group)
        yield preflight(routes)
        yield from map(forward, routes)
        methods = sorted({method for route in routes for method in route.methods})
        yield answer(match(routes[0]), 405, ("allow", ", ".join(methods)))
    yield answer({"prefix": "/"}, 404)


def cluster(name: str, url: str) -> Tree:
    """Return an upstream at all addresses of the name in a URL."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        raise ValueError(f"{name}: must be an http URL, not {url}")
    address = {"socket_address": {"address": parts.hostname, "port_value": parts.port or 80}}
    return {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "ALL",
        "connect_timeout": "1s",
        "outlier_detection": {"split_external_local_origin_errors": True, "consecutive_5xx": 0},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def requirements(table: RouteTable, issuer: str, backchannel: str) -> Tree:
    """Return the fields of jwt_authn: one provider and one requirement for each audience."""

    def provider(audience: str) -> Tree:
        return {
            "issuer": issuer,
            "audiences": [audience],
            # Without this, Envoy accepts a token in the query, too.
            "from_headers": [
                {"name": "Authorization", "value_prefix": f"{scheme} "}
                for scheme in ("Bearer", "bearer", "BEARER")
            ],
            "forward": True,
            "require_expiration": True,
            "clock_skew_seconds": 30,
            "remote_jwks": {
                "http_uri": {
                    "uri": f"{backchannel}/.well-known/jwks.json",
                    "cluster": "auth-service",
                    "timeout": "2s",
                },
                "cache_duration": seconds(JWKS_MAX_AGE),
                "async_fetch": {"failed_refetch_duration": "1s"},
            },
        }

    audiences = sorted(table.audiences())
    return {
        "providers": {audience: provider(audience) for audience in audiences},
        "requirement_map": {audience: {"provider_name": audience} for audience in audiences},
    }


def local_replies() -> Tree:
    """Return how Envoy's own errors become problem documents (RFC 9457)."""

    def when(expression: str) -> Tree:
        cel = typed("access_loggers.filters.cel.v3.ExpressionFilter", expression=expression)
        return {
            "extension_filter": {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": cel}
        }

    def problem(slug: str, title: str, status: int, detail: str) -> Tree:
        members = {"type": URN + slug, "title": title, "status": status, "detail": detail}
        return {
            "json_format": members | {"request_id": "%REQ(X-REQUEST-ID)%"},
            "content_type": MEDIA_TYPE,
        }

    denied = "response.code_details.startsWith('jwt_authn_access_denied')"
    challenge = added([("www-authenticate", 'Bearer error="invalid_token"')])
    unauthorized = problem(UNAUTHORIZED.slug, UNAUTHORIZED.title, 401, "%LOCAL_REPLY_BODY%.")
    mappers: list[Tree] = [
        {  # the answer of `touchstone authz`
            "filter": when("response.code_details == 'ext_authz_denied'"),
            "body_format_override": {
                "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
                "content_type": MEDIA_TYPE,
            },
        },
        {
            "filter": when(f"{denied} && response.code_details.contains('Jwks_remote_fetch')"),
            "status_code": 503,
            "headers_to_add": added([("retry-after", "1")]),
            "body_format_override": problem(
                "keys_unavailable", "Service Unavailable", 503, "The issuer's keys cannot be obtained."
            ),
        },
        {
            "filter": when(f"{denied} && response.code == 403"),  # another audience
            "status_code": 401,
            "headers_to_add": challenge,
            "body_format_override": unauthorized,
        },
        {"filter": when(denied), "body_format_override": unauthorized},
    ]
    first: dict[int, Tree] = {}
    details = {
        400: "The request is not acceptable.",
        403: "Pages of this origin may not call this route.",
        404: "There is no resource at this path.",
        405: "The resource does not have this method.",
        503: "A required service is not available.",
    }
    named = {400: "bad_request", 403: "origin_not_allowed", 503: "upstream_unavailable"}
    for kind in PROBLEM_TYPES.values():
        if named.get(kind.status, kind.slug) == kind.slug:
            detail = details.get(kind.status, f"{kind.title}.")
            first.setdefault(kind.status, problem(kind.slug, kind.title, kind.status, detail))
    for status, body in sorted(first.items()):
        equal = {"op": "EQ", "value": {"default_value": status, "runtime_key": f"problem.{status}"}}
        mappers.append(
            {"filter": {"status_code_filter": {"comparison": equal}}, "body_format_override": body}
        )
    return {"mappers": mappers}


def dropped_headers() -> list[Tree]:
    """Return the removal of what a client could say in a proxy's name."""
    matchers = [{"exact": name} for name in DROPPED] + [{"prefix": name} for name in DROPPED_PREFIXES]
    return [{"remove_on_match": {"key_matcher": matcher}} for matcher in matchers]


def connection_manager(table: RouteTable, issuer: str, backchannel: str) -> Tree:
    """Return the HTTP side of the listener."""
    security = [(name.decode(), value.decode()) for name, value in SECURITY_HEADERS if name != b"server"]
    responses: list[Tree] = [{"remove": name} for name in REVEALING]
    responses += [{"append": header} for header in added(security, "ADD_IF_ABSENT")]
    return typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="gateway",
        server_name="touchstone",
        use_remote_address=True,
        always_set_request_id_in_response=True,
        request_headers_timeout="10s",
        request_timeout=seconds(BODY_SECONDS),
        stream_idle_timeout="60s",
        max_request_headers_kb=32,
        normalize_path=False,  # other forms of a path are refused, not changed
        merge_slashes=False,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        common_http_protocol_options={
            "headers_with_underscores_action": "DROP_HEADER",
            "max_headers_count": 100,
            "idle_timeout": "75s",
        },
        early_header_mutation_extensions=[
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": typed(
                    "http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    mutations=dropped_headers(),
                ),
            }
        ],
        local_reply_config=local_replies(),
        http_filters=[
            http_filter("header_mutation", "HeaderMutation", mutations={"response_mutations": responses}),
            # First, as bodies that arrive while a later filter waits are not bounded.
            http_filter("buffer", "Buffer", max_request_bytes=64 * 1024),
            http_filter("jwt_authn", "JwtAuthentication", **requirements(table, issuer, backchannel)),
            # A route without settings of its own asks about a rule that does not exist, so it is refused.
            http_filter(
                "ext_authz",
                "ExtAuthz",
                http_service=authz_service("none"),
                allowed_headers={"patterns": [{"exact": "authorization"}, {"exact": "x-request-id"}]},
                failure_mode_allow=False,
                status_on_error={"code": 503},
            ),
            http_filter("router", "Router", suppress_envoy_headers=True),
        ],
        route_config={
            "request_headers_to_add": added([("x-forwarded-host", "%REQ(:AUTHORITY)%")]),
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": list(rows(table))}],
        },
    )


def envoy_config(table: RouteTable, settings: Mapping[str, str]) -> Tree:
    """Return Envoy's whole configuration. Raise ValueError for an address that is not http."""
    listen = urlsplit("//" + settings["ENVOY_LISTEN"])
    manager = connection_manager(table, settings["ISSUER"], settings["ISSUER_BACKCHANNEL"])
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    limit = typed(
        "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=4096,
    )
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "gateway",
                    "address": {
                        "socket_address": {"address": listen.hostname, "port_value": listen.port},
                    },
                    "per_connection_buffer_limit_bytes": 1 << 20,
                    "filter_chains": [{"filters": [network]}],
                }
            ],
            "clusters": [
                cluster(AUTHZ, settings["AUTHZ_URL"]),
                *(cluster(name, settings[f"{row.settings}_URL"]) for name, row in table.upstreams.items()),
            ],
        },
        # Patterns of bounded length are large programs, each compiled once.
        "layered_runtime": {
            "layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": 10_000}}]
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": limit,
                }
            ],
        },
    }


def settings_for(table: RouteTable, given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings, with the addresses in compose where none are given."""
    urls = {f"{row.settings}_URL": f"http://{name}:{row.port}" for name, row in table.upstreams.items()}
    defaults = {
        "ISSUER": "http://localhost:8080",
        "ENVOY_LISTEN": "0.0.0.0:8080",
        "AUTHZ_URL": "http://authz:8090",
        **urls,
    }
    settings = {name: given.get(name) or default for name, default in defaults.items()}
    return settings | {"ISSUER_BACKCHANNEL": given.get("ISSUER_BACKCHANNEL") or settings["AUTH_URL"]}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        """Repeat equal parts, for readers and for line-wise differences."""
        return True


def write(folder: Path, given: Mapping[str, str]) -> None:
    """Write both files. Raise ValueError or RoutesError if routes or addresses have faults."""
    file = given.get("ROUTES_FILE")
    table = load_routes(*([Path(file)] if file else []))
    settings = settings_for(table, given)
    text = yaml.dump(
        envoy_config(table, settings), Dumper=_Dumper, sort_keys=False, width=120, default_flow_style=None
    )
    (folder / "envoy.yaml").write_text(HEADER + text)
    port = urlsplit(settings["AUTHZ_URL"]).port or 80
    arguments = authz_arguments(table, settings["ISSUER"], settings["ISSUER_BACKCHANNEL"], port)
    (folder / "authz.args").write_text(arguments)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER, os.environ)

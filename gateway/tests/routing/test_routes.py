"""The route table: the listed routes and no others; the faults of its files."""

import re
from pathlib import Path

import pytest
from gateway.errors import Refusal
from gateway.routing.route import Route, UpstreamRow
from gateway.routing.routes import RoutesError, RouteTable, load_routes
from gateway.routing.target import canonical
from hypothesis import example, given
from hypothesis import strategies as st

TABLE = load_routes()
LISTED = [
    ("GET", "/users/me", "users-service", "users-service"),
    ("PATCH", "/users/me", "users-service", "users-service"),
    ("HEAD", "/users/me", "users-service", "users-service"),
    ("GET", "/users/4be2ba4f-1f2a-4b1c-a7ac-6b2d0f2f7c11", "users-service", "users-service"),
    ("GET", "/users", "users-service", "users-service"),
    ("GET", "/orders", "orders-service", "orders-service"),
    ("POST", "/orders", "orders-service", "orders-service"),
    ("GET", "/orders/1", "orders-service", "orders-service"),
    ("POST", "/orders/1/cancel", "orders-service", "orders-service"),
    ("GET", "/products", "orders-service", None),
    ("HEAD", "/products", "orders-service", None),
    ("GET", "/.well-known/oauth-authorization-server", "auth-service", None),
    ("GET", "/.well-known/openid-configuration", "auth-service", None),
    ("GET", "/.well-known/jwks.json", "auth-service", None),
    ("POST", "/accounts", "auth-service", None),
    ("POST", "/login", "auth-service", None),
    ("POST", "/logout", "auth-service", "auth-service"),
    ("POST", "/logout/all", "auth-service", "auth-service"),
    ("POST", "/account/password", "auth-service", "auth-service"),
    ("POST", "/magic-links", "auth-service", None),
    ("POST", "/magic-links/redeem", "auth-service", None),
    ("GET", "/magic-links/redeem", "auth-service", None),
    ("GET", "/account/verification", "auth-service", None),
    ("POST", "/account/verification", "auth-service", "auth-service"),
    ("POST", "/account/verification/confirm", "auth-service", None),
    ("POST", "/password-resets", "auth-service", None),
    ("GET", "/password-resets/redeem", "auth-service", None),
    ("POST", "/password-resets/redeem", "auth-service", None),
    ("GET", "/account/sessions", "auth-service", "auth-service"),
    ("DELETE", "/account/sessions/abc_DEF-1", "auth-service", "auth-service"),
    ("GET", "/oauth/authorize", "auth-service", None),
    ("POST", "/oauth/authorize", "auth-service", None),
    ("POST", "/oauth/token", "auth-service", None),
    ("POST", "/oauth/device_authorization", "auth-service", None),
    ("GET", "/oauth/device", "auth-service", None),
    ("POST", "/oauth/device", "auth-service", None),
    ("POST", "/oauth/revoke", "auth-service", None),
    ("POST", "/oauth/introspect", "auth-service", None),
    ("GET", "/oauth/userinfo", "auth-service", None),
    ("POST", "/oauth/userinfo", "auth-service", None),
    ("GET", "/oauth/logout", "auth-service", None),
    ("POST", "/oauth/logout", "auth-service", None),
    ("GET", "/oauth/pages.css", "auth-service", None),
    ("GET", "/status-lists", "auth-service", None),
    ("GET", "/status-lists/7", "auth-service", None),
    ("GET", "/.well-known/ssf-configuration", "auth-service", None),
    ("GET", "/ssf/streams", "auth-service", "auth-service"),
    ("PATCH", "/ssf/streams", "auth-service", "auth-service"),
    ("GET", "/ssf/status", "auth-service", "auth-service"),
    ("POST", "/ssf/verification", "auth-service", "auth-service"),
    ("POST", "/ssf/poll/abc_DEF-1", "auth-service", "auth-service"),
    ("GET", "/admin/keys", "auth-service", "auth-service"),
    ("POST", "/admin/keys/rotate", "auth-service", "auth-service"),
    ("DELETE", "/admin/keys/abc_DEF-1", "auth-service", "auth-service"),
    ("GET", "/admin/sessions", "auth-service", "auth-service"),
    ("DELETE", "/admin/sessions/s", "auth-service", "auth-service"),
    ("POST", "/admin/accounts/a/disable", "auth-service", "auth-service"),
    ("POST", "/admin/accounts/a/enable", "auth-service", "auth-service"),
    ("GET", "/admin/audit", "auth-service", "auth-service"),
    ("GET", "/admin/audiences", "auth-service", "auth-service"),
    ("DELETE", "/admin/audiences/my-app", "auth-service", "auth-service"),
    ("POST", "/admin/roles", "auth-service", "auth-service"),
    ("DELETE", "/admin/roles/clerk", "auth-service", "auth-service"),
    ("PUT", "/admin/roles/clerk/scopes", "auth-service", "auth-service"),
    ("POST", "/admin/clients", "auth-service", "auth-service"),
    ("PATCH", "/admin/clients/shop", "auth-service", "auth-service"),
    ("POST", "/admin/clients/shop/disable", "auth-service", "auth-service"),
    ("POST", "/admin/clients/shop/enable", "auth-service", "auth-service"),
    ("POST", "/admin/clients/shop/rotate-secret", "auth-service", "auth-service"),
    ("GET", "/bff/login", "gateway", None),
    ("GET", "/bff/callback", "gateway", None),
    ("GET", "/bff/session", "gateway", None),
    ("POST", "/bff/logout", "gateway", None),
    ("GET", "/docs", "gateway", None),
    ("GET", "/docs/docs.css", "gateway", None),
    ("GET", "/openapi.json", "gateway", None),
    ("GET", "/livez", "gateway", None),
    ("GET", "/readyz", "gateway", None),
    ("GET", "/", "gateway", None),
    ("GET", "/console/attacks", "gateway", None),
    ("POST", "/console/attacks/none", "gateway", None),
    ("GET", "/console/cluster", "gateway", None),
    ("GET", "/console/processes", "gateway", None),
    ("POST", "/console/services/auth-service/stop", "gateway", None),
    ("POST", "/console/services/auth-service/start", "gateway", None),
    ("GET", "/console/css/console.css", "gateway", None),
    ("GET", "/console/images/icon.svg", "gateway", None),
    ("GET", "/console/js/sections/shop.js", "gateway", None),
]


@pytest.mark.parametrize(("method", "path", "upstream", "audience"), LISTED)
def test_route_leads_to_its_service(method, path, upstream, audience):
    route = TABLE.find(method, path)

    assert (route.upstream, route.audience) == (upstream, audience)


def test_every_route_is_tested():
    found = [TABLE.find(method, path) for method, path, *_ in LISTED]
    upstreams = {route.upstream for route in found}  # a service of one's own has tests of its own

    assert {route.pattern for route in found} == {
        route.pattern for route in TABLE.routes if route.upstream in upstreams
    }


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/users/metrics/x",
        "/orders/",
        "/users/a/b",
        "/order",
        "/admin",
        "/oauth",
        "/oauth/x",
        "/status-lists/",
        "/LOGIN",
        "/caf%C3%A9",
    ],
)
def test_unlisted_path_is_404(path):
    with pytest.raises(Refusal) as refusal:
        TABLE.find("GET", path)

    assert refusal.value.kind.status == 404


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/orders", b"GET, HEAD, POST"),
        ("OPTIONS", "/orders/1", b"GET, HEAD"),
        ("GET", "/login", b"POST"),
    ],
)
def test_method_not_allowed_names_allowed(method, path, allow):
    with pytest.raises(Refusal) as refusal:
        TABLE.find(method, path)

    assert refusal.value.kind.status == 405
    assert refusal.value.headers == ((b"allow", allow),)


UPSTREAM = '[upstreams.example]\nsettings = "EXAMPLE"\nport = 8084\n'
ROW = {"path": '"/parts"', "methods": '["GET"]', "upstream": '"example"'}


def row(**changes):
    """Return a row of a route; a field of None is left out."""
    return "\n".join(["[[routes]]", *(f"{k} = {v}" for k, v in (ROW | changes).items() if v is not None)])


@pytest.fixture
def load(tmp_path):
    """`load(*parts)`: the table with a second file of these parts."""

    def load(*parts):
        file = tmp_path / "more.toml"
        file.write_text("\n".join(parts))
        return load_routes(file)

    return load


def prefixed(path='"/parts/"', **more):
    return row(path=None, prefix=path, **more)


FAULTS = {
    "unknown key": ([row(metods='["GET"]')], "/parts: metods: Extra inputs are not permitted"),
    "unknown table": (["[[route]]"], "route: There is no table of this name"),
    "unknown upstream": ([row(upstream='"x"')], "/parts: upstream: there is none of the name x"),
    "no upstream": ([row(upstream=None)], "/parts: upstream: Field required"),
    "unknown method": ([row(methods='["GTE"]')], "/parts: methods: 0: Input should be 'GET', "),
    "no method": ([row(methods="[]")], "/parts: methods: "),
    "no path": ([row(path=None)], "route 1: needs either a path or a prefix"),
    "path and prefix": ([row(prefix='"/parts/"')], "/parts: needs either a path or a prefix"),
    "relative path": ([row(path='"parts"')], "parts: path: must be a canonical path"),
    "path with a dot segment": ([row(path='"/a/../b"')], "/a/../b: path: must be a canonical path"),
    "path with a query": ([row(path='"/a?b"')], "/a?b: path: must be a canonical path"),
    "path with an escape": ([row(path='"/%C3%A9"')], "/%C3%A9: path: must be a canonical path"),
    "path that ends with a slash": ([row(path='"/parts/"')], "/parts/: path: must not end with a slash"),
    "half a placeholder": ([row(path='"/{id"')], "/{id: path: must be a canonical path"),
    "part of a segment": ([row(path='"/{id}.pdf"')], "/{id}.pdf: path: must be a canonical path"),
    "placeholder twice": ([row(path='"/{id}/{id}"')], "/{id}/{id}: path: must be a canonical path"),
    "prefix without a slash": ([prefixed('"/parts"')], "/parts: prefix: must end with a slash"),
    "prefix of everything": ([prefixed('"/"')], "/: prefix: must end with a slash"),
    "prefix with a placeholder": ([prefixed('"/{id}/"')], "/{id}/: prefix: must end with a slash"),
    "row twice": ([row(), row(methods='["GET", "POST"]')], "/parts: more.toml: /parts is a row for GET, HEAD already"),
    "shape twice": (
        [row(path='"/parts/{a}"'), row(path='"/parts/{b}"')],
        "/parts/{b}: more.toml: /parts/{a} is a row for GET, HEAD already",
    ),
    "row of routes.toml": ([row(path='"/login"', methods='["POST"]')], "/login: routes.toml: /login is a row for POST"),
    "prefix above a row": (
        [prefixed('"/status-lists/"')],
        "/status-lists/: a prefix may not cover another row (routes.toml: /status-lists/{n})",
    ),
    "prefix above a prefix": (
        [prefixed(), prefixed('"/parts/new/"')],
        "/parts/new/: a prefix may not cover another row (more.toml: /parts/)",
    ),
    "prefix above a pattern": (
        [row(path='"/{warehouse}/a/b/c"'), prefixed('"/north/"')],
        "/north/: a prefix may not cover another row (more.toml: /{warehouse}/a/b/c)",
    ),
    "patterns of one path": (
        [row(path='"/parts/{id}/stock"'), row(path='"/parts/new/{place}"')],
        "/parts/new/{place}: some paths match more.toml: /parts/{id}/stock too, and neither is more specific",
    ),
    "body too long": ([row(max_body="16777217")], "/parts: max_body: Input should be less than or equal to 16777216"),
    "body read here": ([row(max_body="65537", limits='["account"]')], "/parts: max_body: the gateway reads this body"),
    "negative body": ([row(max_body="-1")], "/parts: max_body: "),
    "body in words": ([row(max_body='"1"')], "/parts: max_body: "),
    "no time": ([row(timeout="0")], "/parts: timeout: "),
    "endless time": ([row(timeout="inf")], "/parts: timeout: "),
    "no pause": ([row(idle_timeout="0")], "/parts: idle_timeout: "),
    "bad rate": ([row(limits='["often"]')], "/parts: limits: 0: must be client, login, account or a rate"),
    "rate of zero": ([row(limits='["0/minute"]')], "/parts: limits: 0: must be client, login, account or a rate"),
    "scopes without audience": ([row(scopes='["a"]')], "/parts: scopes and fresh need an audience"),
    "fresh without audience": ([row(fresh="true")], "/parts: scopes and fresh need an audience"),
    "two scopes in one": ([row(scopes='["a b"]', audience='"x"')], "/parts: scopes: each scope is a string of its own"),
    "empty audience": ([row(audience='""')], "/parts: audience: "),
    "unknown kind": ([row(kind='"slow"')], "/parts: kind: Input should be 'normal', 'long_poll' or 'stream'"),
    "unknown cors": ([row(cors='"all"')], "/parts: cors: "),
    "fresh in words": ([row(fresh='"yes"')], "/parts: fresh: "),
    "upstream twice": (["[upstreams.auth-service]"], "upstream auth-service: this name is taken"),
    "the gateway as upstream": (["[upstreams.gateway]"], "upstream gateway: this name is taken"),
    "upstream without settings": (["[upstreams.x]", "port = 1"], "upstream x: settings: Field required"),
    "upstream without port": (["[upstreams.x]", 'settings = "X"'], "upstream x: port: Field required"),
    "upstream with another's settings": (
        ["[upstreams.x]", 'settings = "AUTH"', "port = 1"],
        "upstreams auth-service and x: the names of their settings both begin with AUTH",
    ),
    "upstream with the gateway's settings": (
        ["[upstreams.x]", 'settings = "GATEWAY"', "port = 1"],
        "upstream x: settings: must begin the names of settings",
    ),
    "upstream's port": (["[upstreams.x]", 'settings = "X"', "port = 0"], "upstream x: port: "),
    "upstream with Valkey's settings": (
        ["[upstreams.x]", 'settings = "VALKEY"', "port = 1"],
        "upstream x: settings: must begin the names of settings",
    ),
    "name of an upstream": (["[upstreams.X]", 'settings = "X"', "port = 1"], "more.toml: upstream X: a name has"),
    "limit twice": ([row(limits='["client", "client"]')], "/parts: limits: each may be listed once"),
    "rate in an age": ([row(limits='["5/9 years"]')], "/parts: limits: 0: must be client, login, account or a rate"),
    "preflights with a token": ([row(cors='"service"', audience='"x"')], "/parts: cors: a service cannot decide"),
    "not tables": (["upstreams = 1"], "more.toml: upstreams: must be tables"),
    "not read": (["a = " + "[" * 9000], "more.toml: "),
    "not TOML": (["[[routes]"], "more.toml: "),
    "not a list": (["routes = 1"], "more.toml: routes: "),
}  # fmt: skip


@pytest.mark.parametrize("fault", list(FAULTS))
def test_routes_fault_is_named(load, fault):
    parts, line = FAULTS[fault]
    needs = [] if fault.startswith("not") else [UPSTREAM]
    with pytest.raises(RoutesError) as error:
        load(*needs, *parts)

    (only,) = str(error.value).splitlines()
    assert line in only
    assert only.startswith(("more.toml: ", "upstreams "))


def test_routes_faults_are_all_named_at_once(load):
    with pytest.raises(RoutesError) as error:
        load(
            "[upstreams.x]\nsettings = 'x'",
            row(upstream='"y"', methods='["GTE"]', limits='["often"]'),
            row(path='"/login"', methods='["POST"]', upstream='"x"'),
        )

    lines = "\n".join(f"{line}." for line in str(error.value).splitlines())
    for fault in (
        "x: settings: ",
        "x: port: ",
        "none of the name y",
        "methods: 0: ",
        "limits: 0: ",
        "/login is a row",
    ):
        assert fault in lines
    assert lines.count("\n") == 5


def test_routes_file_missing_is_named(tmp_path):
    with pytest.raises(RoutesError, match=r"^none\.toml: cannot be read \(No such file or directory\)$"):
        load_routes(tmp_path / "none.toml")


def test_routes_file_not_in_utf8_is_named(tmp_path):
    (tmp_path / "more.toml").write_bytes(b"\xff")
    with pytest.raises(RoutesError, match=r"^more\.toml: 'utf-8' codec"):
        load_routes(tmp_path / "more.toml")


def test_route_has_times_of_its_upstream(load):
    table = load(UPSTREAM + "timeout = 7\nidle_timeout = 8\n", row(timeout="9"), row(path='"/other"'))
    own, other = table.find("GET", "/parts"), table.find("GET", "/other")

    assert (own.timeout, own.idle_timeout) == (9, 8)
    assert (other.timeout, other.idle_timeout) == (7, 8)


def test_prefix_leads_to_all_paths_below(load):
    table = load(UPSTREAM, prefixed(methods='["GET"]'), prefixed(methods='["POST"]'))

    for path in ("/parts/1", "/parts/1/caf%C3%A9", "/parts/"):
        assert table.find("POST", path).pattern == "/parts/"
    for method, path, status in (("GET", "/parts", 404), ("GET", "/parts2", 404), ("PUT", "/parts/1", 405)):
        with pytest.raises(Refusal) as refusal:
            table.find(method, path)
        assert refusal.value.kind.status == status


@pytest.mark.parametrize("last", [0, 1])
def test_path_with_fewest_placeholders_counts(load, last):
    rows = [row(path='"/parts/{id}/stock"'), row(path='"/parts/{id}/{what}"')]
    table = load(UPSTREAM, rows[last], rows[1 - last], row(path='"/parts/new/stock"'))

    assert table.find("GET", "/parts/1/stock").pattern == "/parts/{id}/stock"
    assert table.find("GET", "/parts/1/price").pattern == "/parts/{id}/{what}"
    assert table.find("GET", "/parts/new/stock").pattern == "/parts/new/stock"


WORDS = ["orders", "users", "me", "a", "b", "c", "files", "..", ".", "%2e", "", "{id}", "x;y", "%2F", "\n"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"]


def allowed_by(route, method, path):
    """Return whether a row allows a request, decided segment by segment."""
    wanted, got = route.pattern.split("/"), path.split("/")
    if route.prefix:
        got = got[: len(wanted) - 1] + ([""] if len(got) >= len(wanted) else [])
    fits = [
        w == g or (w.startswith("{") and g not in ("", ".", "..")) for w, g in zip(wanted, got, strict=False)
    ]
    return method in route.methods and len(wanted) == len(got) and all(fits)


@given(st.sampled_from(METHODS), st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=5))
@example("GET", ["files", "..", "admin", "keys"])
@example("GET", ["files", "%2e%2e", "admin"])
@example("GET", ["files", "", "x"])
def test_path_outside_the_rows_is_never_found(method, segments):
    table = RouteTable(
        [*TABLE.routes, Route(prefix="/files/", methods=["GET"], upstream="users-service")], TABLE.upstreams
    )
    target = "/" + "/".join(segments)
    try:
        path = canonical(target.encode(), b"")
        found = table.find(method, path)
    except Refusal:
        return

    assert path == target.partition("?")[0]
    assert found in [route for route in table.routes if allowed_by(route, method, path)]


def test_rows_of_the_how_to_page_are_valid(load):
    page = Path(__file__).parents[3] / "docs/how-to/routes.md"
    (rows,) = re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)

    assert load(rows).find("GET", "/parts/events").kind == "stream"


def test_fields_are_all_on_the_how_to_page():
    page = (Path(__file__).parents[3] / "docs/how-to/routes.md").read_text()

    assert [f for row in (Route, UpstreamRow) for f in row.model_fields if f"`{f}`" not in page] == []

"""The routes of orders-service."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orders_service.domain.errors import ProfileRefused, ProfilesUnavailable
from orders_service.domain.product import DEMO_PRODUCTS

ITEMS = [{"sku": "STONE-BLK", "quantity": 2}, {"sku": "GOLD-LEAF", "quantity": 1}]
UNKNOWN = "b65929ce-ba9b-4474-be77-48a8d9fe51f2"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
ALMOST_ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "items": JSON
        | st.lists(
            st.fixed_dictionaries(
                {}, optional={"sku": JSON | st.just("STONE-BLK"), "quantity": JSON | st.integers(-1, 1_001)}
            ),
            max_size=3,
        ),
        "note": JSON,
    },
)


@pytest.fixture
def ada(tokens):
    return tokens.bearer("ada", "orders:read", "orders:write")


@pytest.fixture
def place(client, ada):
    """Place an order, by default Ada's two stones and a leaf."""

    def place(headers=None, *, key=None, **body):
        keyed = {} if key is None else {"Idempotency-Key": key}
        return client.post("/orders", headers={**(headers or ada), **keyed}, json={"items": ITEMS} | body)

    return place


@pytest.fixture
def listed(client, ada):
    """List the ids of all of Ada's orders."""
    return lambda: [order["id"] for order in client.get("/orders?limit=100", headers=ada).json["items"]]


def test_post_returns_order_and_location(place, client, ada):
    answer = place(note="ring twice")

    order = answer.json
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/orders/{order['id']}")
    assert order == {
        "id": str(uuid.UUID(order["id"], version=4)),
        "status": "placed",
        "items": [
            {
                "sku": "STONE-BLK",
                "name": "Touchstone, black basanite",
                "quantity": 2,
                "unit_price_cents": 2_500,
                "line_total_cents": 5_000,
            },
            {
                "sku": "GOLD-LEAF",
                "name": "Gold leaf, 25 sheets",
                "quantity": 1,
                "unit_price_cents": 4_990,
                "line_total_cents": 4_990,
            },
        ],
        "total_cents": 9_990,
        "currency": "EUR",
        "customer": {"sub": "ada", "name": "Name of ada", "shipping_address": "1 Assay Lane"},
        "note": "ring twice",
        "created_at": "2027-01-15T08:00:00Z",
        "cancelled_at": None,
    }
    assert client.get(answer.headers["Location"], headers=ada).json == order


def test_profile_is_requested_with_callers_token(place, customers, ada):
    place()

    assert customers.requested == [("ada", ada["Authorization"].removeprefix("Bearer "))]


@pytest.mark.parametrize(
    "body",
    [
        {"items": []},
        {"items": None},
        {"items": "all"},
        {"items": [{"sku": f"P{n}", "quantity": 1} for n in range(51)]},
        {"items": [{"sku": "STONE-BLK"}]},
        {"items": [{"quantity": 1}]},
        {"items": [{"sku": "STONE-BLK", "quantity": 0}]},
        {"items": [{"sku": "STONE-BLK", "quantity": 1_001}]},
        {"items": [{"sku": "STONE-BLK", "quantity": 1.0}]},
        {"items": [{"sku": "STONE-BLK", "quantity": "1"}]},
        {"items": [{"sku": "STONE-BLK", "quantity": True}]},
        {"items": [{"sku": "STONE-BLK", "quantity": 10**30}]},
        {"items": [{"sku": "STONE-BLK\n", "quantity": 1}]},
        {"items": [{"sku": "x" * 65, "quantity": 1}]},
        {"items": [{"sku": "STONE-BLK", "quantity": 1, "unit_price_cents": 1}]},
        {"items": [*ITEMS, ITEMS[0]]},
        {"total_cents": 1},
        {"customer": {"sub": "eve"}},
        {"note": "x" * 501},
        {"note": "a\x00b"},
        {"note": 7},
    ],
)
def test_post_invalid_stores_nothing(place, listed, customers, body):
    answer = place(**body)

    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert (listed(), customers.requested) == ([], [])


def test_post_names_unknown_product(place):
    answer = place(items=[{"sku": "GONE-1", "quantity": 1}])

    assert (answer.status_code, answer.json["sku"]) == (422, "GONE-1")
    assert answer.json["type"] == "urn:touchstone:problem:unknown_product"


def test_same_key_and_body_returns_same_order(place, listed):
    first = place(key="a key")
    again = place(key="a key")

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert listed() == [first.json["id"]]


def test_same_key_with_other_body_is_unprocessable(place, listed):
    first = place(key="k")

    answer = place(key="k", note="another")

    assert (answer.status_code, answer.json["type"]) == (422, "urn:touchstone:problem:idempotency_key_reused")
    assert listed() == [first.json["id"]]


@pytest.mark.parametrize("key", ["x", "x" * 255, " ~!", '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
def test_key_has_up_to_255_characters(place, key):
    assert place(key=key).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "caf\u00e9"])
def test_invalid_key_is_unprocessable(place, listed, key):
    assert place(key=key).status_code == 422
    assert listed() == []


def test_concurrent_posts_with_one_key_store_one(app, ada, listed):
    start = threading.Barrier(8)

    def order(_):
        client = app.test_client()
        start.wait()
        return client.post("/orders", headers={**ada, "Idempotency-Key": "k"}, json={"items": ITEMS})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(order, range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json["id"] for answer in answers} == set(listed())
    assert len(listed()) == 1


def test_key_survives_restart(make_app, ada):
    def order(app):
        return app.test_client().post(
            "/orders", headers={**ada, "Idempotency-Key": "k"}, json={"items": ITEMS}
        )

    assert order(make_app()).json == order(make_app()).json


def test_unavailable_profile_stores_neither_order_nor_key(place, listed, customers):
    customers.error = ProfilesUnavailable(7)
    refused = place(key="k")
    assert (refused.status_code, refused.headers["Retry-After"], listed()) == (503, "7", [])

    customers.error = None
    placed = place(key="k")

    assert (placed.status_code, listed()) == (201, [placed.json["id"]])


def test_refused_profile_is_forbidden(place, listed, customers):
    customers.error = ProfileRefused()

    assert place().status_code == 403
    assert listed() == []


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", "/orders", ["orders:read", "admin"]),
        ("GET", "/orders", ["orders:write", "admin"]),
        ("GET", "/orders/nothing", ["orders:write"]),
        ("POST", "/orders/nothing/cancel", ["orders:read", "admin"]),
    ],
)
def test_missing_scope_is_forbidden(client, tokens, method, path, scopes):
    answer = client.open(path, method=method, headers=tokens.bearer("ada", *scopes), json={"items": ITEMS})

    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/orders"),
        ("GET", "/orders?limit=0"),
        ("GET", "/orders/nothing"),
        ("POST", "/orders/nothing/cancel"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer forged"}])
def test_invalid_token_is_refused_before_body_is_read(client, method, path, headers):
    answer = client.open(path, method=method, headers=headers, data=b"{")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_other_customers_order_is_not_found(place, client, tokens):
    theirs, eve = place().json["id"], tokens.bearer("eve", "orders:read", "orders:write")

    def answers(path):
        seen, cancelled = client.get(path, headers=eve), client.post(f"{path}/cancel", headers=eve)
        return [(a.status_code, {**a.json, "request_id": ""}) for a in (seen, cancelled)]

    assert answers(f"/orders/{theirs}") == answers(f"/orders/{uuid.uuid4()}") == answers("/orders/nothing")
    assert answers("/orders/nothing")[0][0] == 404


def test_admin_reads_any_order_and_cancels_none(place, client, tokens):
    order, root = place().json, tokens.bearer("root", "orders:read", "orders:write", "admin")

    assert client.get(f"/orders/{order['id']}", headers=root).json == order
    assert client.get("/orders", headers=root).json["items"] == []
    assert client.post(f"/orders/{order['id']}/cancel", headers=root).status_code == 404


def test_cancel_sets_time_once(place, client, ada, clock):
    path = f"/orders/{place().json['id']}"
    clock.advance(60)
    cancelled = client.post(f"{path}/cancel", headers=ada)
    clock.advance(60)

    assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
    assert cancelled.json["cancelled_at"] == "2027-01-15T08:01:00Z"
    assert client.post(f"{path}/cancel", headers=ada).json == cancelled.json
    assert client.get(path, headers=ada).json == cancelled.json


def test_orders_are_not_cached(place, client, ada):
    assert place().headers["Cache-Control"] == "no-store"
    assert client.get("/orders", headers=ada).headers["Cache-Control"] == "no-store"


def test_list_default_limit_is_twenty(place, client, ada):
    for _ in range(21):
        place()

    page = client.get("/orders", headers=ada).json
    rest = client.get("/orders", headers=ada, query_string={"cursor": page["next_cursor"]}).json

    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (20, 1, None)


def test_list_has_each_order_once(app, tokens, clock):
    client = app.test_client()

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.integers(0, 2), max_size=9), st.integers(1, 4), st.integers(0, 3))
    def walk(pauses, limit, newcomers):
        headers = tokens.bearer(uuid.uuid4().hex, "orders:read", "orders:write")

        def order():
            return client.post("/orders", headers=headers, json={"items": ITEMS}).json["id"]

        placed, seen, query = [], [], {"limit": limit}
        for pause in pauses:
            clock.advance(pause)
            placed.append(order())
        while True:
            page = client.get("/orders", headers=headers, query_string=query).json
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
            if newcomers:
                newcomers -= 1
                clock.advance(1)
                order()
        assert sorted(o["id"] for o in seen) == sorted(placed)
        assert [o["created_at"] for o in seen] == sorted((o["created_at"] for o in seen), reverse=True)

    walk()


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=2", "page=2", "cursor=" + "x" * 513]
)
def test_list_invalid_query_is_unprocessable(client, ada, query):
    assert client.get(f"/orders?{query}", headers=ada).status_code == 422


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "e30",
        "WyJhIl0",
        "WzEsIm5vdGhpbmciXQ",  # [1,"nothing"]
        "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5LCI2YmE3YjgxMC05ZGFkLTQxZDEtODBiNC0wMGMwNGZkNDMwYzgiXQ",  # far beyond time
        "%00",
    ],
)
def test_list_forged_cursor_is_bad_request(client, ada, cursor):
    answer = client.get(f"/orders?cursor={cursor}", headers=ada)

    assert (answer.status_code, answer.json["type"]) == (400, "urn:touchstone:problem:bad_cursor")


def test_products_need_no_token(client):
    answer = client.get("/products")

    assert answer.status_code == 200
    assert answer.json["next_cursor"] is None
    assert answer.json["items"][0] == {
        "sku": "ASSAY-KIT",
        "name": "Assay kit, five acids",
        "price_cents": 12_900,
        "currency": "EUR",
    }
    assert [p["sku"] for p in answer.json["items"]] == [p.sku for p in DEMO_PRODUCTS]


def test_products_are_cached_by_etag(client):
    first = client.get("/products")

    again = client.get("/products", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "public, max-age=60"
    assert (again.status_code, again.data) == (304, b"")


def test_products_have_pages(client):
    first = client.get("/products?limit=4").json
    rest = client.get("/products", query_string={"limit": 4, "cursor": first["next_cursor"]}).json

    assert [p["sku"] for p in first["items"] + rest["items"]] == [p.sku for p in DEMO_PRODUCTS]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("query", ["cursor=x", "cursor=WyIgIl0", "cursor=WzFd"])
def test_products_forged_cursor_is_bad_request(client, query):
    assert client.get(f"/products?{query}").status_code == 400


def test_products_are_empty_without_demo(make_app):
    assert make_app(demo=False).test_client().get("/products").json["items"] == []


def test_demo_is_seeded_once(make_app):
    make_app()

    assert len(make_app().test_client().get("/products").json["items"]) == 6


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/products"),
        ("POST", "/orders"),
        ("GET", "/orders"),
        ("GET", f"/orders/{UNKNOWN}"),
        ("POST", f"/orders/{UNKNOWN}/cancel"),
    ],
)
def test_unavailable_database_has_retry_after(app, ada, break_database, method, path):
    break_database(app.extensions["engine"])

    answer = app.test_client().open(path, method=method, headers=ada, json={"items": ITEMS})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_ready_needs_issuer_keys(client, tokens):
    assert client.get("/readyz").status_code == 200

    tokens.keys = False
    assert list(client.get("/readyz").json["reasons"]) == ["issuer"]


def test_openapi_has_routes_scopes_and_problems(client):
    paths = client.get("/openapi.json").json["paths"]

    assert paths["/orders/{id}"]["get"]["security"] == [{"bearer": ["orders:read"]}, {"bearer": ["admin"]}]
    assert "security" not in paths["/products"]["get"]
    assert [p["name"] for p in paths["/orders"]["post"]["parameters"]] == ["Idempotency-Key"]
    assert {"201", "400", "401", "403", "422", "503"} <= set(paths["/orders"]["post"]["responses"])


def test_post_any_json_is_handled(client, ada):
    @settings(max_examples=80, deadline=None)
    @given(JSON | ALMOST_ORDERS)
    def attempt(body):
        answer = client.post("/orders", headers=ada, data=json.dumps(body), content_type="application/json")
        assert answer.status_code in {201, 400, 422}

    attempt()


def test_post_any_bytes_are_handled(client, ada):
    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=200))
    def attempt(body):
        answer = client.post("/orders", headers=ada, data=body, content_type="application/json")
        assert answer.status_code in {400, 422}

    attempt()

"""The Flask extension in a real Flask application."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask, g, jsonify
from touchstone import (
    AccessClaims,
    InsufficientScope,
    KeySet,
    Policy,
    TouchstoneError,
    Unavailable,
    Unconfirmed,
    Verifier,
    errors,
)
from touchstone.flask import Touchstone, bearer_token, current_token, require
from werkzeug.datastructures import Headers


class Broken:
    """An issuer whose keys were never obtained."""

    def verify(self, token):
        raise Unavailable(7)


@pytest.fixture
def app(verifier):
    app = Flask(__name__)
    Touchstone(app, verifier)

    @app.get("/open")
    def open_to_all():
        return "hello"

    @app.route("/me", methods=["GET", "POST"])
    @require()
    def me():
        """Return the subject."""
        return jsonify(sub=current_token.subject)

    @app.get("/orders")
    @require("orders:read", "orders:write")
    def orders():
        return "orders"

    @app.get("/either")
    @require("profile:read", any_of=("admin", "orders:write"))
    def either():
        return "either"

    @app.get("/unguarded")
    def unguarded():
        return current_token.subject

    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def bearer(signer):
    return lambda **claims: {"Authorization": f"Bearer {signer.token(**claims)}"}


def test_valid_token_is_admitted(client, bearer, signer):
    response = client.get("/me", headers=bearer())
    assert response.status_code == 200
    assert response.json == {"sub": signer.claims()["sub"]}


def test_open_route_needs_no_token(client):
    assert client.get("/open").text == "hello"


def test_view_keeps_name_and_docstring(app):
    assert app.view_functions["me"].__name__ == "me"
    assert app.view_functions["me"].__doc__ == "Return the subject."


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "])
def test_scheme_is_case_insensitive(client, signer, scheme):
    assert client.get("/me", headers={"Authorization": f"{scheme} {signer.token()}"}).status_code == 200


def test_missing_token_gets_plain_challenge(client):
    response = client.get("/me")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.content_type == "application/problem+json"
    assert response.json == {
        "type": "urn:touchstone:problem:missing_token",
        "title": "Unauthorized",
        "status": 401,
        "detail": "A bearer token is needed in the Authorization header.",
    }


def test_refused_token_gets_rfc_6750_challenge(client, bearer):
    response = client.get("/me", headers=bearer(exp=1_899_999_900))
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == (
        'Bearer error="invalid_token", error_description="The access token has expired (exp)."'
    )
    assert response.json["type"] == "urn:touchstone:problem:expired_token"


@pytest.mark.parametrize("how", ["query", "form", "json", "cookie"])
def test_token_outside_header_is_ignored(client, signer, how):
    token = signer.token()
    if how == "cookie":
        client.set_cookie("access_token", token)
    response = {
        "query": lambda: client.post(f"/me?access_token={token}"),
        "form": lambda: client.post("/me", data={"access_token": token}),
        "json": lambda: client.post("/me", json={"access_token": token}),
        "cookie": lambda: client.post("/me"),
    }[how]()
    assert response.json["type"] == "urn:touchstone:problem:missing_token"


def test_all_scopes_are_required(client, bearer):
    assert client.get("/orders", headers=bearer()).status_code == 200
    response = client.get("/orders", headers=bearer(scope="orders:read"))
    assert response.status_code == 403
    assert (
        response.headers["WWW-Authenticate"]
        == 'Bearer error="insufficient_scope", scope="orders:read orders:write"'
    )
    assert response.json["type"] == "urn:touchstone:problem:insufficient_scope"


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("profile:read admin", 200),
        ("profile:read orders:write", 200),
        ("profile:read", 403),
        ("admin orders:write", 403),
        ("", 403),
    ],
)
def test_any_of_requires_one_scope(client, bearer, scope, status):
    assert client.get("/either", headers=bearer(scope=scope)).status_code == status


def test_missing_keys_get_503(signer):
    app = Flask(__name__)
    Touchstone(app, Broken())
    app.add_url_rule("/", view_func=require()(lambda: "never"))
    response = app.test_client().get("/", headers={"Authorization": f"Bearer {signer.token()}"})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert response.json["type"] == "urn:touchstone:problem:keys_unavailable"


class NotFresh:
    """An issuer that accepts any token and confirms none."""

    def __init__(self, claims):
        self.claims = claims

    def verify(self, token, *, fresh=False):
        if fresh:
            raise Unconfirmed
        return self.claims


def test_fresh_route_unconfirmed_gets_503(verifier, signer):
    app = Flask(__name__)
    Touchstone(app, NotFresh(verifier.verify(signer.token())))
    app.add_url_rule("/ordinary", view_func=require()(lambda: "served"), endpoint="ordinary")
    app.add_url_rule("/fresh", view_func=require(fresh=True)(lambda: "never"), endpoint="fresh")
    bearer = {"Authorization": f"Bearer {signer.token()}"}
    assert app.test_client().get("/ordinary", headers=bearer).text == "served"
    response = app.test_client().get("/fresh", headers=bearer)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.json["type"] == "urn:touchstone:problem:unconfirmed"


def test_request_id_is_in_problem(app, client):
    @app.before_request
    def name():
        g.request_id = "r-1"

    assert client.get("/me").json["request_id"] == "r-1"


def test_unknown_error_is_opaque_500(app, client):
    @app.get("/odd")
    def odd():
        raise TouchstoneError

    response = client.get("/odd")
    assert response.status_code == 500
    assert response.json["detail"] == "The request cannot be authorized."


def test_current_token_is_per_request(app, client, bearer):
    meet = threading.Barrier(2, timeout=10)

    @app.get("/both")
    @require()
    def both():
        meet.wait()
        return current_token.subject

    def get(sub):
        return app.test_client().get("/both", headers=bearer(sub=sub)).text

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(get, ["alice", "bob"])) == ["alice", "bob"]


def test_current_token_ends_with_request(app, client, bearer):
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with app.app_context():  # which all requests inside it share
        assert client.get("/me", headers=bearer()).status_code == 200
        with pytest.raises(RuntimeError, match="behind @require"):
            client.get("/unguarded")


def test_current_token_is_the_claims(app, bearer, verifier):
    with app.test_request_context(headers=bearer()):
        require()(lambda: None)()
        assert isinstance(current_token, AccessClaims)
        assert current_token.scopes == {"orders:read", "orders:write"}


def test_class_based_view_is_guarded(app, client, bearer):
    from flask.views import MethodView

    class Thing(MethodView):
        decorators = (require("orders:read"),)

        def get(self):
            return "thing"

    app.add_url_rule("/thing", view_func=Thing.as_view("thing"))
    assert client.get("/thing").status_code == 401
    assert client.get("/thing", headers=bearer()).text == "thing"


def test_require_without_parentheses_raises(app):
    with pytest.raises(TypeError, match="strings"):
        require(lambda: "open")


def test_init_app_works_later(verifier):
    extension = Touchstone()
    app = Flask(__name__)
    extension.init_app(app, verifier)
    assert app.extensions["touchstone"].issuer is verifier


def test_init_app_without_issuer_raises():
    with pytest.raises(ValueError, match="needs an issuer"):
        Touchstone(Flask(__name__))


def test_view_without_extension_is_not_called(signer):
    app = Flask(__name__)
    called = []
    app.add_url_rule("/", view_func=require()(lambda: called.append(1) or "x"))
    response = app.test_client().get("/", headers={"Authorization": f"Bearer {signer.token()}"})
    assert (response.status_code, called) == (500, [])


# --- the bearer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source", [{"HTTP_AUTHORIZATION": "Bearer a.b.c"}, Headers({"Authorization": "bearer a.b.c"})]
)
def test_bearer_is_read_from_environ_and_headers(source):
    assert bearer_token(source) == "a.b.c"


@pytest.mark.parametrize(
    "value", ["", "Basic dXNlcjpwdw==", "Bearertoken", "DPoP a.b.c", "a.b.c", "\tBearer a.b.c"]
)
def test_other_scheme_is_missing_token(value):
    with pytest.raises(errors.MissingToken):
        bearer_token({"HTTP_AUTHORIZATION": value})


def test_absent_header_is_missing_token():
    for source in ({}, Headers()):
        with pytest.raises(errors.MissingToken):
            bearer_token(source)


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "bearer a b",
        "Bearer a.b.c x",
    ],
)
def test_bearer_without_single_token_is_malformed(value):
    with pytest.raises(errors.MalformedAuthorization):
        bearer_token({"HTTP_AUTHORIZATION": value})


@pytest.mark.parametrize("value", ["a\tb", "\t", "é", "\x00", "a.b.c\x7f"])
def test_odd_characters_are_left_to_verifier(value):
    verifier = Verifier(Policy("https://issuer.example", "an-api"), lambda: KeySet({}))
    with pytest.raises(errors.MalformedToken):
        verifier.verify(bearer_token({"HTTP_AUTHORIZATION": f"Bearer {value}"}))


@pytest.mark.parametrize(
    "value", ["Bearer a, Bearer b", "Bearer a,Bearer a", "Basic x,Bearer a", "Bearer a,", ",Bearer a"]
)
def test_joined_headers_are_refused(value):
    with pytest.raises(errors.DuplicateAuthorization):
        bearer_token({"HTTP_AUTHORIZATION": value})


def test_two_equal_headers_are_refused():
    with pytest.raises(errors.DuplicateAuthorization):
        bearer_token(Headers([("Authorization", "Bearer a"), ("authorization", "Bearer a")]))


def test_error_lists_required_scopes():
    assert InsufficientScope(("a", "b")).required == ("a", "b")

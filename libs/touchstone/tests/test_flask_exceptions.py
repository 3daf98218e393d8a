"""The exception of `@require` carries its own response, in every framework and beside any error handler."""

import datetime as dt
import uuid

import flask
import flask_openapi3
import flask_restful
import flask_restx
import flask_smorest
import pytest
from apiflask import APIFlask
from flask import Blueprint, Flask, g, jsonify
from flask.views import MethodView
from flask_cors import CORS, cross_origin
from touchstone import (
    AccessClaims,
    InsufficientScope,
    Issuer,
    TokenError,
    TouchstoneError,
    Unavailable,
    errors,
)
from touchstone.flask import Touchstone, current_token, problem, require, unguarded
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.local import LocalProxy

CONFIGS = {
    "production": {},
    "testing": {"TESTING": True},
    "debug": {"DEBUG": True},
    "propagating": {"PROPAGATE_EXCEPTIONS": True},
    "not propagating": {"TESTING": True, "PROPAGATE_EXCEPTIONS": False},
}


class Down:
    """An issuer whose keys were never obtained."""

    def verify(self, token, *, fresh=False):
        raise Unavailable(7)


def respond(_error):
    return {"handled": "by a handler for everything"}, 500


def pass_on(error):
    return error if isinstance(error, HTTPException) else ({"handled": "everything"}, 500)


# --- apps: each with /guarded, which requires the scope `admin`, and /down, whose issuer is unavailable -------


def plain(app):
    app.add_url_rule("/guarded", "guarded", require("admin")(lambda: "in"))


def class_based(app):
    class Guarded(MethodView):
        decorators = (require("admin"),)

        def get(self):
            return "in"

    app.add_url_rule("/guarded", view_func=Guarded.as_view("guarded"))


def coroutine(app):
    @app.get("/guarded")
    @require("admin")
    async def guarded():
        return "in"


def in_blueprint(app):
    blueprint = Blueprint("api", __name__)
    blueprint.errorhandler(Exception)(respond)
    blueprint.errorhandler(HTTPException)(respond)
    blueprint.get("/guarded")(require("admin")(lambda: "in"))
    app.register_blueprint(blueprint)


def in_blueprint_that_passes_http_errors_on(app):
    blueprint = Blueprint("api", __name__)
    blueprint.errorhandler(Exception)(pass_on)
    blueprint.get("/guarded")(require("admin")(lambda: "in"))
    app.register_blueprint(blueprint)


def before_a_blueprint(app):
    blueprint = Blueprint("api", __name__)
    blueprint.errorhandler(Exception)(respond)
    blueprint.before_request(require("admin")(lambda: None))
    blueprint.get("/guarded")(lambda: "in")
    app.register_blueprint(blueprint)


def before_every_request(app):
    app.before_request(require("admin")(lambda: None))
    app.get("/guarded")(lambda: "in")


def with_handler_for(*kinds):
    def build(app):
        for kind in kinds:
            app.register_error_handler(kind, respond)
        plain(app)

    return build


def raised_in_the_view(app):
    def deeper():
        require("admin")(lambda: None)()
        return "in"

    app.register_error_handler(Exception, respond)
    app.add_url_rule("/guarded", "guarded", deeper)


def restful(app):
    class Guarded(flask_restful.Resource):
        @require("admin")
        def get(self):
            return "in"

    flask_restful.Api(app).add_resource(Guarded, "/guarded")


def restful_by_list(app):
    class Guarded(flask_restful.Resource):
        method_decorators = (require("admin"),)

        def get(self):
            return "in"

    flask_restful.Api(app, serve_challenge_on_401=True).add_resource(Guarded, "/guarded")


def restful_in_blueprint(app):
    class Guarded(flask_restful.Resource):
        @require("admin")
        def get(self):
            return "in"

    blueprint = Blueprint("api", __name__)
    flask_restful.Api(blueprint).add_resource(Guarded, "/guarded")
    app.register_blueprint(blueprint)


def restx(app):
    api = flask_restx.Api(app)

    @api.route("/guarded")
    class Guarded(flask_restx.Resource):
        @api.marshal_with(api.model("Said", {"said": flask_restx.fields.String}))
        @require("admin")
        def get(self):
            return {"said": "in"}


def restx_in_blueprint(app):
    blueprint = Blueprint("api", __name__)
    api = flask_restx.Api(blueprint)

    @api.errorhandler
    def everything(_error):
        return {"handled": "by default"}, 500

    @api.route("/guarded")
    class Guarded(flask_restx.Resource):
        method_decorators = (require("admin"),)

        def get(self):
            return "in"

    app.register_blueprint(blueprint)


def smorest(app):
    app.config |= {"API_TITLE": "t", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}
    blueprint = flask_smorest.Blueprint("api", __name__)

    @blueprint.get("/guarded")
    @blueprint.response(200)
    @require("admin")
    def guarded():
        return "in"

    flask_smorest.Api(app).register_blueprint(blueprint)


BUILDERS = {
    "plain": (Flask, plain),
    "class-based view": (Flask, class_based),
    "coroutine": (Flask, coroutine),
    "blueprint": (Flask, in_blueprint),
    "blueprint, passing on": (Flask, in_blueprint_that_passes_http_errors_on),
    "before a blueprint": (Flask, before_a_blueprint),
    "before every request": (Flask, before_every_request),
    "handler for Exception": (Flask, with_handler_for(Exception)),
    "handler for HTTPException": (Flask, with_handler_for(HTTPException)),
    "handler for 401": (Flask, with_handler_for(401, 403, 503, 500)),
    "raised in the view": (Flask, raised_in_the_view),
    "flask-restful": (Flask, restful),
    "flask-restful, decorators": (Flask, restful_by_list),
    "flask-restful, blueprint": (Flask, restful_in_blueprint),
    "flask-restx": (Flask, restx),
    "flask-restx, blueprint": (Flask, restx_in_blueprint),
    "flask-smorest": (Flask, smorest),
    "apiflask": (APIFlask, plain),
    "flask-openapi3": (flask_openapi3.OpenAPI, plain),
}


@pytest.fixture
def bearer(signer):
    return lambda **claims: {"Authorization": f"Bearer {signer.token(**claims)}"}


@pytest.fixture
def make(verifier):
    """`make(builder, issuer)`: an app of that kind, with the extension added after it was built."""

    def make_app(builder, issuer=verifier, **config):
        kind, build = BUILDERS[builder]
        app = kind(__name__)
        app.config |= config
        build(app)
        Touchstone(app, issuer)
        return app.test_client()

    return make_app


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("builder", BUILDERS)
def test_refusal_gets_problem_in_every_app(make, bearer, builder, config):
    good, down = make(builder, **config), make(builder, Down(), **config)
    missing, expired = good.get("/guarded"), good.get("/guarded", headers=bearer(exp=1_899_999_900))
    short, away = good.get("/guarded", headers=bearer()), down.get("/guarded", headers=bearer())
    problems = [
        (response.status_code, response.json["type"].rpartition(":")[2])
        for response in (missing, expired, short, away)
    ]
    assert problems == [
        (401, "missing_token"),
        (401, "expired_token"),
        (403, "insufficient_scope"),
        (503, "keys_unavailable"),
    ]
    assert missing.headers.getlist("WWW-Authenticate") == ["Bearer"]
    assert 'error="invalid_token"' in expired.headers["WWW-Authenticate"]
    assert short.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="admin"'
    assert away.headers["Retry-After"] == "7"
    for response in (missing, expired, short, away):
        assert response.content_type == "application/problem+json"
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("builder", BUILDERS)
def test_valid_token_passes_in_every_app(make, bearer, builder):
    response = make(builder).get("/guarded", headers=bearer(scope="admin"))
    assert (response.status_code, "in" in response.text) == (200, True)


@pytest.mark.parametrize("builder", BUILDERS)
def test_head_is_guarded_and_preflight_passes(make, builder):
    client = make(builder)
    assert client.head("/guarded").status_code == 401
    assert client.options("/guarded", headers={"Access-Control-Request-Method": "GET"}).status_code == 200


# --- the application's own handler ----------------------------------------------------------------------------


def own(error):
    return {"own": error.slug}, 409, {"X-Own": "yes"}


async def own_async(error):
    return {"own": error.slug}, 409, {"X-Own": "yes"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("where", ["app", "blueprint"])
@pytest.mark.parametrize("kind", [TouchstoneError, TokenError, errors.MissingToken])
@pytest.mark.parametrize("handler", [own, own_async])
def test_app_handler_wins_whenever_registered(verifier, when, where, kind, handler):
    app, blueprint = Flask(__name__), Blueprint("api", __name__)
    blueprint.errorhandler(Exception)(respond)
    if when == "after":
        Touchstone(app, verifier)
    (app if where == "app" else blueprint).register_error_handler(kind, handler)
    blueprint.get("/guarded")(require()(lambda: "in"))
    app.register_blueprint(blueprint)
    if when == "before":
        Touchstone(app, verifier)
    response = app.test_client().get("/guarded")
    assert (response.status_code, response.json, response.headers["X-Own"]) == (
        409,
        {"own": "missing_token"},
        "yes",
    )


def test_app_handler_wins_for_view_errors(verifier):
    app = Flask(__name__)
    app.register_error_handler(TouchstoneError, own)
    Touchstone(app, verifier)

    @app.get("/raises")
    def raises():
        raise InsufficientScope(("a",))

    assert app.test_client().get("/raises").json == {"own": "insufficient_scope"}


def test_subclass_handler_leaves_other_errors(verifier, bearer):
    app = Flask(__name__)
    app.register_error_handler(errors.MissingToken, own)
    Touchstone(app, verifier)
    app.get("/guarded")(require("admin")(lambda: "in"))
    client = app.test_client()
    assert client.get("/guarded").status_code == 409
    assert client.get("/guarded", headers=bearer()).content_type == "application/problem+json"


@pytest.mark.parametrize("framework", ["flask-restful", "flask-restx", "flask-smorest", "apiflask"])
def test_app_handler_wins_in_every_framework(verifier, framework):
    kind, build = BUILDERS[framework]
    app = kind(__name__)
    app.register_error_handler(TouchstoneError, own)
    build(app)
    Touchstone(app, verifier)
    response = app.test_client().get("/guarded")
    assert (response.status_code, response.json) == (409, {"own": "missing_token"})


@pytest.mark.parametrize("owner", ["api", "namespace"])
@pytest.mark.parametrize("kind", [Exception, HTTPException])
def test_restx_catch_all_is_not_called(verifier, owner, kind):
    app = Flask(__name__)
    Touchstone(app, verifier)
    api = flask_restx.Api(app)
    namespace = api.namespace("n", path="/")
    (api if owner == "api" else namespace).errorhandler(kind)(respond)

    @namespace.route("/guarded")
    class Guarded(flask_restx.Resource):
        @require()
        def get(self):
            return "in"

    response = app.test_client().get("/guarded")
    assert (response.status_code, response.content_type) == (401, "application/problem+json")


def test_app_handler_may_return_any_response(verifier):
    app = Flask(__name__)

    @app.errorhandler(TouchstoneError)
    def hide(error):
        raise NotFound from error

    Touchstone(app, verifier)
    app.get("/guarded")(require()(lambda: "in"))
    assert app.test_client().get("/guarded").status_code == 404


# --- the error itself -----------------------------------------------------------------------------------------


def test_raised_error_is_also_http_exception(verifier, bearer):
    app = Flask(__name__)
    Touchstone(app, verifier)
    with app.test_request_context(headers=bearer()), pytest.raises(InsufficientScope) as refused:
        require("admin")(lambda: None)()
    error = refused.value
    assert isinstance(error, HTTPException)
    assert (type(error).__name__, error.slug, error.required) == (
        "InsufficientScope",
        "insufficient_scope",
        ("admin",),
    )
    assert (str(error), error.get_response().status_code) == (InsufficientScope.sentence, 403)
    assert repr(error) == f"InsufficientScope({InsufficientScope.sentence!r})"


def test_refusal_in_two_guards_has_one_response(verifier):
    app = Flask(__name__)
    handled = []
    app.register_error_handler(TouchstoneError, lambda error: handled.append(error) or own(error))
    Touchstone(app, verifier)
    app.get("/guarded")(require(optional=True)(require()(lambda: "in")))
    assert app.test_client().get("/guarded").status_code == 409
    assert len(handled) == 1


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (
            TokenError('not "this"\r\nX: y'),
            "WWW-Authenticate",
            'Bearer error="invalid_token", error_description="not ?this???X: y"',
        ),
        (
            InsufficientScope(('a"b', "é")),
            "WWW-Authenticate",
            'Bearer error="insufficient_scope", scope="a?b ?"',
        ),
        (Unavailable(1.5), "Retry-After", "2"),
    ],
    ids=str,
)
def test_odd_error_text_keeps_response_valid(verifier, error, header, value):
    app = Flask(__name__)
    Touchstone(app, verifier)

    @require()
    def raises():
        raise error

    app.add_url_rule("/", view_func=raises)
    app.before_request(lambda: None)
    with app.test_request_context():
        assert problem(error).headers[header] == value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("r-1", "r-1"),
        (7, "7"),
        pytest.param(10**5000, None, id="more digits than str takes"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (LocalProxy(lambda: "r-2"), "r-2"),
        ("\ud800", "\ud800"),
        (b"r", None),
        (object(), None),
        ({1, 2}, None),
        (float("nan"), None),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None),
        (None, None),
    ],
)
def test_odd_request_id_keeps_response_valid(make, given, expected):
    client = make("plain")
    client.application.before_request(lambda: setattr(g, "request_id", given))
    response = client.get("/guarded")
    assert (response.status_code, response.json.get("request_id")) == (401, expected)


def test_app_json_encoder_keeps_response_valid(make):
    client = make("plain")

    class Broken(flask.json.provider.JSONProvider):
        def dumps(self, obj, **kwargs):
            raise RuntimeError("broken")

        loads = dumps

    client.application.json = Broken(client.application)
    assert client.get("/guarded").status_code == 401


# --- one extension, several apps ------------------------------------------------------------------------------


class Named:
    """An issuer that accepts one token."""

    def __init__(self, name, claims):
        self.name, self.claims = name, claims

    def verify(self, token, *, fresh=False):
        if token != self.name:
            raise errors.WrongAudience
        return self.claims


@pytest.fixture
def named(verifier, signer):
    return lambda name: Named(name, verifier.verify(signer.token()))


def accepts(app, name):
    return app.test_client().get("/guarded", headers={"Authorization": f"Bearer {name}"}).status_code == 200


@pytest.fixture
def guarded_app():
    def make_app():
        app = Flask(__name__)
        plain_view = require()(lambda: "in")
        app.add_url_rule("/guarded", view_func=plain_view)
        return app

    return make_app


def test_two_apps_have_own_issuers(guarded_app, named):
    extension, a, b = Touchstone(), guarded_app(), guarded_app()
    extension.init_app(a, named("a"))
    extension.init_app(b, named("b"))
    assert [accepts(a, "a"), accepts(a, "b"), accepts(b, "a"), accepts(b, "b")] == [True, False, False, True]


def test_constructor_issuer_is_default(guarded_app, named):
    extension, a, b, c = Touchstone(issuer=named("default")), guarded_app(), guarded_app(), guarded_app()
    extension.init_app(a)
    extension.init_app(b, named("b"))
    extension.init_app(c)
    assert [accepts(a, "default"), accepts(b, "b"), accepts(c, "default")] == [True, True, True]
    assert [accepts(a, "b"), accepts(b, "default"), accepts(c, "b")] == [False, False, False]


def test_second_init_app_replaces_issuer(guarded_app, named):
    extension, app = Touchstone(), guarded_app()
    extension.init_app(app, named("first"))
    assert accepts(app, "first")
    Touchstone(app, named("second"))
    assert [accepts(app, "first"), accepts(app, "second")] == [False, True]


def test_constructor_app_leaves_others_alone(guarded_app, named):
    a, b = guarded_app(), guarded_app()
    extension = Touchstone(a, named("a"))
    extension.init_app(b, named("b"))
    assert [accepts(a, "a"), accepts(a, "b"), accepts(b, "b")] == [True, False, True]


@pytest.mark.parametrize("issuer", ["https://issuer.example", 5, object(), Issuer, Named])
def test_issuer_without_verify_is_refused(issuer):
    if issuer is Named:
        issuer = type("Odd", (), {"verify": None})()
    for give in (
        lambda: Touchstone(Flask(__name__), issuer),
        lambda: Touchstone(issuer=issuer),
        lambda: Touchstone().init_app(Flask(__name__), issuer),
    ):
        with pytest.raises(ValueError, match="verify"):
            give()


@pytest.mark.parametrize("app", ["app", Blueprint("a", __name__), 5])
def test_app_of_other_type_is_refused(app, verifier):
    with pytest.raises(ValueError, match="Flask application"):
        Touchstone(app, verifier)


def test_use_before_init_app_explains_itself(guarded_app):
    app = guarded_app()
    app.testing = True
    with pytest.raises(RuntimeError, match=r"Touchstone\(app, issuer\)"):
        app.test_client().get("/guarded", headers={"Authorization": "Bearer a.b.c"})


@pytest.mark.parametrize(
    "scopes",
    [(5,), (None,), ("",), ("a b",), ("a", ""), (" a",), ("a\n",), ('a"',), ("é",), (b"a",), (["a"],)],
)
def test_invalid_scopes_are_refused_at_once(scopes):
    with pytest.raises(ValueError, match="each scope is a string"):
        require(*scopes)
    with pytest.raises(ValueError, match="each scope is a string"):
        require("a", any_of=scopes)


@pytest.mark.parametrize("any_of", ["admin", 5, None, {"a": 1}])
def test_any_of_without_list_is_refused(any_of):
    with pytest.raises(ValueError, match="must be a list"):
        require(any_of=any_of)


@pytest.mark.parametrize("any_of", [["admin", "orders:read"], {"orders:read"}, frozenset({"orders:read"})])
def test_any_of_accepts_any_list(verifier, bearer, any_of):
    app = Flask(__name__)
    Touchstone(app, verifier)
    app.get("/")(require(any_of=any_of)(lambda: "in"))
    assert app.test_client().get("/", headers=bearer()).text == "in"


# --- OPTIONS --------------------------------------------------------------------------------------------------


@pytest.fixture
def client_of(verifier):
    def equip(app):
        Touchstone(app, verifier)
        return app.test_client()

    return equip


PREFLIGHT = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}


def test_view_with_options_gets_no_token(client_of):
    app = Flask(__name__)
    app.route("/", methods=["GET", "OPTIONS"])(require()(lambda: "own response"))
    client = client_of(app)
    assert (client.options("/").text, client.get("/").status_code) == ("own response", 401)


@pytest.mark.parametrize("framework", ["flask", "restful", "restx"])
@pytest.mark.parametrize("where", ["view", "before"])
def test_view_with_token_passes_preflight(client_of, bearer, framework, where):
    app = Flask(__name__)
    CORS(app, origins="https://shop.example")
    guard = require() if where == "view" else lambda view: view
    if where == "before":
        app.before_request(require()(lambda: None))

    @guard
    def whoami(_resource=None):
        return {"sub": current_token.subject}

    if framework == "flask":
        app.route("/", methods=["GET", "OPTIONS"])(whoami)
    else:
        library = flask_restful if framework == "restful" else flask_restx
        resource = type("Whoami", (library.Resource,), {"get": whoami, "options": whoami})
        library.Api(app, **({} if framework == "restful" else {"doc": False})).add_resource(resource, "/who")
    path = "/" if framework == "flask" else "/who"
    client = client_of(app)
    response = client.options(path, headers=PREFLIGHT)
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert set(response.allow) >= {"GET", "OPTIONS"}
    assert client.get(path).status_code == 401
    assert client.get(path, headers=bearer()).json["sub"]


def test_optional_token_is_false_on_options(client_of):
    app = Flask(__name__)

    @app.route("/", methods=["GET", "OPTIONS"])
    @require(optional=True)
    def greeting():
        return current_token.subject if current_token else "anonymous"

    assert client_of(app).options("/").text == "anonymous"


def test_options_can_be_guarded(client_of, bearer):
    app = Flask(__name__)
    app.route("/", methods=["GET", "OPTIONS"])(require(options=True)(lambda: "in"))
    client = client_of(app)
    assert client.options("/").status_code == 401
    assert client.options("/", headers=bearer()).text == "in"


def test_preflight_passes_above_cross_origin(client_of):
    app = Flask(__name__)
    app.route("/")(require()(cross_origin(origins="https://shop.example")(lambda: "in")))
    response = client_of(app).options("/", headers=PREFLIGHT)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (
        200,
        "https://shop.example",
    )


def test_refusal_has_cors_headers(client_of):
    app = Flask(__name__)
    CORS(app, origins="https://shop.example")
    app.before_request(require()(lambda: None))
    app.get("/")(lambda: "in")
    client = client_of(app)
    refused = client.get("/", headers={"Origin": "https://shop.example"})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (
        401,
        "https://shop.example",
    )
    assert client.options("/", headers=PREFLIGHT).status_code == 200


# --- optional tokens ------------------------------------------------------------------------------------------


@pytest.fixture
def optional(client_of):
    app = Flask(__name__)

    @app.get("/")
    @require("orders:read", optional=True)
    def greet():
        return current_token.subject if current_token else "guest"

    return client_of(app)


def test_optional_route_serves_without_token(optional):
    assert optional.get("/").text == "guest"
    assert optional.get("/", headers={"Authorization": "Basic dXNlcjpwdw=="}).text == "guest"


def test_optional_route_has_valid_token(optional, bearer):
    assert optional.get("/", headers=bearer(sub="alice")).text == "alice"


@pytest.mark.parametrize(
    ("header", "status"), [("Bearer", 401), ("Bearer a.b.c", 401), ("Bearer a, Bearer b", 401)]
)
def test_optional_route_refuses_invalid_token(optional, header, status):
    assert optional.get("/", headers={"Authorization": header}).status_code == status


def test_optional_route_requires_scope(optional, bearer):
    assert optional.get("/", headers=bearer(scope="")).status_code == 403


# --- current_token in JSON ------------------------------------------------------------------------------------


CUSTOM = {
    "aud": ["orders-service", "b"],
    "tenant": {"id": 7, "tags": ["x", None]},
    "nbf": 1_900_000_000,
    "scope": "z a z",
}


def whoami_app():
    app = Flask(__name__)
    views = {
        "/jsonify": lambda: jsonify(current_token),
        "/dict": lambda: {"me": current_token},
        "/to_dict": lambda: current_token.to_dict(),  # noqa: PLW0108 - the proxy is only bound in a request
        "/sets": lambda: jsonify(sorted=current_token.scopes, roles=current_token.roles),
        "/fields": lambda: jsonify(actor=current_token.actor, status=current_token.status),
    }
    for path, view in views.items():
        app.add_url_rule(path, path, require()(view))
    return app


def test_claims_in_json_are_as_signed(client_of, bearer, signer):
    client, claims = client_of(whoami_app()), signer.claims(**CUSTOM)
    headers = bearer(**CUSTOM)
    assert client.get("/to_dict", headers=headers).json == claims
    assert client.get("/jsonify", headers=headers).json == claims
    assert client.get("/dict", headers=headers).json == {"me": claims}
    assert client.get("/sets", headers=headers).json == {"sorted": ["a", "z"], "roles": ["customer"]}
    assert client.get("/fields", headers=headers).json == {"actor": None, "status": None}


def test_to_dict_returns_new_dictionary(verifier, signer):
    claims = verifier.verify(signer.token())
    claims.to_dict()["sub"] = "changed"
    assert claims.to_dict() == signer.claims()


def test_app_encoder_of_claims_is_used(client_of, bearer):
    app = whoami_app()
    app.json.default = lambda value: "own" if isinstance(value, AccessClaims) else [].missing
    client = client_of(app)
    assert client.get("/jsonify", headers=bearer()).json == "own"


def test_unencodable_value_stays_error(client_of, bearer):
    app = Flask(__name__)
    app.testing = True
    app.get("/")(require()(lambda: jsonify(object())))
    with pytest.raises(TypeError, match="object"):
        client_of(app).get("/", headers=bearer())


def test_current_token_outside_require_raises(client_of):
    app = Flask(__name__)
    app.testing = True
    app.get("/")(lambda: jsonify(current_token))
    with pytest.raises(RuntimeError, match="behind @require"):
        client_of(app).get("/")


def test_other_json_provider_is_left_alone(verifier):
    class Own(flask.json.provider.JSONProvider):
        def dumps(self, obj, **kwargs):
            return "{}"

        loads = dumps

    app = Flask(__name__)
    app.json = Own(app)
    Touchstone(app, verifier)
    assert type(app.json) is Own


def test_repr_does_not_show_token(verifier, signer):
    token = signer.token()
    app = Flask(__name__)
    Touchstone(app, verifier)
    with app.test_request_context(headers={"Authorization": f"Bearer {token}"}):
        require()(lambda: None)()
        shown = repr(current_token) + str(current_token)
    assert token.rpartition(".")[2] not in shown
    assert "payload" not in shown


# --- unguarded routes -----------------------------------------------------------------------------------------


def test_unguarded_lists_open_routes():
    app = Flask(__name__)

    @require()
    @app.get("/wrong-order")
    def wrong_order():
        return "open"

    app.get("/right")(require()(lambda: "in"))
    app.add_url_rule("/optional", "optional", require(optional=True)(lambda: "in"))
    assert unguarded(app) == {"static", "wrong_order", "optional"}


def test_unguarded_sees_before_request():
    app, inner, outer = Flask(__name__), Blueprint("inner", __name__), Blueprint("outer", __name__)
    inner.get("/inner")(lambda: "in")
    outer.before_request(require()(lambda: None))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.add_url_rule("/open", "open", lambda: "open")
    assert unguarded(app) == {"static", "open"}
    app.before_request(require(optional=True)(lambda: None))
    assert unguarded(app) == {"static", "open"}
    app.before_request(require()(lambda: None))
    assert unguarded(app) == set()


def test_unguarded_sees_class_based_views():
    class By(MethodView):
        def get(self):
            return "in"

        post = get

    class Each(By):
        @require()
        def get(self):
            return "in"

        post = get

    class One(By):
        @require()
        def get(self):
            return "in"

    class All(By):
        decorators = (require(),)

    class Dispatch(By):
        @require()
        def dispatch_request(self, **kwargs):
            return super().dispatch_request(**kwargs)

    class Empty(MethodView):
        pass

    app = Flask(__name__)
    for view in (By, Each, One, All, Dispatch, Empty):
        app.add_url_rule(f"/{view.__name__}", view_func=view.as_view(view.__name__))
    assert unguarded(app) == {"static", "By", "One", "Empty"}


@pytest.mark.parametrize(
    "builder", ["flask-restful, decorators", "flask-restx, blueprint", "flask-restful", "flask-restx"]
)
def test_unguarded_sees_resources(builder):
    kind, build = BUILDERS[builder]
    app = kind(__name__)
    build(app)
    assert not any("guarded" in endpoint for endpoint in unguarded(app))


def test_view_error_without_extension_gets_problem():
    app = Flask(__name__)

    @app.route("/", methods=["OPTIONS"])
    @require()
    def raises():
        raise InsufficientScope(("a",))

    response = app.test_client().options("/")
    assert (response.status_code, response.content_type) == (403, "application/problem+json")

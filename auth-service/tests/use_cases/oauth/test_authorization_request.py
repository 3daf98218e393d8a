"""Authorization requests: one row for every rule."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.use_cases.oauth.authorization_request import (
    AuthorizationRefused,
    AuthorizationRequestParser,
)

ISSUER = "http://localhost:8080"
CALLBACK = "http://127.0.0.1:5000/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REQUEST = {
    "response_type": "code",
    "client_id": "cli",
    "redirect_uri": CALLBACK,
    "state": "a state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture
def read(rules):
    """`read(*more, **changes)`: read the request with these changes; None takes one out, `more` are added pairs."""
    use_case = AuthorizationRequestParser(rules.store, rules.clients, ISSUER)

    def call(*more, **changes):
        pairs = [(name, value) for name, value in (REQUEST | changes).items() if value is not None]
        return use_case([*pairs, *more])

    return call


def answer_of(refused):
    location = refused.value.address.error_uri(refused.value.error)
    return location.partition("?")[0], dict(parse_qsl(urlsplit(location).query))


def test_request_valid_is_parsed(read):
    request = read(
        ("resource", "orders-service"),
        ("resource", "users-service"),
        scope="openid orders:read",
        nonce="n",
        prompt="login consent",
        max_age="60",
        login_hint="alice@example.com",
        ui_locales="de",
        unknown="is ignored",
    )

    assert request.client.client_id == "cli"
    assert request.scopes == {"openid", "orders:read"}
    assert request.audiences == ("orders-service", "users-service")
    assert (request.nonce, request.max_age) == ("n", 60)
    assert request.prompts == {"login", "consent"}
    assert request.code_challenge == CHALLENGE
    assert request.address.response_uri(code="c") == (
        f"{CALLBACK}?code=c&state=a+state&iss=http%3A%2F%2Flocalhost%3A8080"
    )


def test_parameter_without_value_counts_as_absent(read):
    request = read(scope="", nonce="", prompt="", max_age="", response_mode="")

    assert (request.scopes, request.nonce, request.prompts, request.max_age) == (
        None,
        None,
        frozenset(),
        None,
    )


UNANSWERABLE = {
    "no client": {"client_id": None},
    "an unknown client": {"client_id": "unknown"},
    "a disabled client": {"client_id": "off"},
    "no redirect URI": {"redirect_uri": None},
    "an unregistered redirect URI": {"redirect_uri": "https://evil.example/"},
    "a redirect URI of another client": {"redirect_uri": "http://localhost:8080/bff/callback"},
}


@pytest.mark.parametrize("case", UNANSWERABLE)
def test_no_redirect_for(rules, read, case):
    rules.register("off", enabled=False, redirect_uris=("http://127.0.0.1/callback",))

    with pytest.raises(InvalidAuthorizationRequest):
        read(**UNANSWERABLE[case])


@pytest.mark.parametrize(
    ("name", "value"), [("client_id", "console"), ("client_id", "cli"), ("redirect_uri", CALLBACK)]
)
def test_no_redirect_for_repeated(read, name, value):
    with pytest.raises(InvalidAuthorizationRequest):
        read((name, value))


REFUSED = {
    "no response type": ({"response_type": None}, "invalid_request"),
    "the implicit grant": ({"response_type": "token"}, "unsupported_response_type"),
    "a hybrid flow": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "answers in a fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "answers in a form": ({"response_mode": "form_post"}, "invalid_request"),
    "no PKCE": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "a challenge without its method, which is plain": ({"code_challenge_method": None}, "invalid_request"),
    "a plain challenge": ({"code_challenge_method": "plain"}, "invalid_request"),
    "a short challenge": ({"code_challenge": CHALLENGE[1:]}, "invalid_request"),
    "a challenge in base64": ({"code_challenge": CHALLENGE.replace("-", "+")}, "invalid_request"),
    "a challenge with a line break": ({"code_challenge": CHALLENGE + "\n"}, "invalid_request"),
    "unknown scopes alone": ({"scope": "sudo phone"}, "invalid_scope"),
    "a scope that the client is not registered for": ({"scope": "openid ssf.manage"}, "invalid_scope"),
    "a scope that is none": ({"scope": 'a "b"'}, "invalid_scope"),
    "a nonce that cannot be printed": ({"nonce": "n\0"}, "invalid_request"),
    "an unknown prompt": ({"prompt": "sing"}, "invalid_request"),
    "prompt none beside others": ({"prompt": "none login"}, "invalid_request"),
    "a maximum age that is no number": ({"max_age": "soon"}, "invalid_request"),
    "a negative maximum age": ({"max_age": "-1"}, "invalid_request"),
    "a maximum age of many digits": ({"max_age": "1" * 10}, "invalid_request"),
    "a request object": ({"request": "eyJ"}, "request_not_supported"),
    "a request object elsewhere": ({"request_uri": "https://x.example"}, "request_uri_not_supported"),
    "registration on the way": ({"registration": "{}"}, "registration_not_supported"),
    "an unknown audience": ({"resource": "elsewhere"}, "invalid_target"),
    "a client without this grant": ({"client_id": "codeless"}, "unauthorized_client"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_error_is_sent_to_the_client(rules, read, case):
    rules.register("codeless", redirect_uris=("http://127.0.0.1/callback",))
    changes, error = REFUSED[case]

    with pytest.raises(AuthorizationRefused) as refused:
        read(**changes)

    address, answer = answer_of(refused)
    assert address == CALLBACK
    assert answer.pop("error_description")
    assert answer == {"error": error, "state": "a state", "iss": ISSUER}


@pytest.mark.parametrize("name", ["scope", "response_type", "code_challenge", "nonce", "unknown"])
def test_repeated_parameter_is_an_error(read, name):
    with pytest.raises(AuthorizationRefused) as refused:
        read((name, "x"), (name, "x"))

    assert answer_of(refused)[1]["error"] == "invalid_request"


def test_repeated_state_is_not_returned(read):
    with pytest.raises(AuthorizationRefused) as refused:
        read(("state", "other"))

    assert "state" not in answer_of(refused)[1]


@pytest.mark.parametrize(
    "state", ["s" * 15_000, '{"a":"ä\u2028 \\n"}', "a+b%20c&d=e#f", "\n\t\x00", "ü" * 1001]
)
def test_state_is_returned_with_every_error(read, state):
    with pytest.raises(AuthorizationRefused) as refused:
        read(state=state, response_type="token")

    assert answer_of(refused)[1]["state"] == read(state=state).address.state == state


@pytest.mark.parametrize(
    ("scope", "understood"),
    [
        ("openid offline_access", {"openid"}),
        ("openid phone address", {"openid"}),
        ("  openid   orders:read ", {"openid", "orders:read"}),
        ("orders:read https://scopes.example/" + "x" * 200, {"orders:read"}),
        (" ", None),
    ],
)
def test_unknown_scopes_and_blanks_are_ignored(read, scope, understood):
    assert read(scope=scope).scopes == understood


def test_nonce_can_be_long(read):
    assert read(nonce="n" * 5000).nonce == "n" * 5000

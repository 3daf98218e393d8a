"""Server-Timing: what a hop has verified, and the parts of the services that it called."""

import re

import pytest
from service_kit.http_client.service_client import ServiceClient
from service_kit.observability import spans
from service_kit.observability.instrumentation import init_app
from service_kit.observability.server_timing import MAX_LENGTH, MAX_PARTS, facts, part, parts_of
from testkit.upstream import Answer
from touchstone.flask import Touchstone, require
from touchstone.testing import InMemoryIssuer

TOKEN = "aud=an-api scope=a:read+b client_id=tests act=first+second kid=test status=checked"


def timing(app, path, **options):
    return app.test_client().get(path, **options).headers["Server-Timing"]


@pytest.fixture
def tokens(app):
    issuer = InMemoryIssuer()
    init_app(app, server_timing=True)
    Touchstone(app, issuer)
    app.add_url_rule("/own", view_func=require("b")(dict))
    return issuer


def test_verified_token_is_described(app, tokens):
    act = {"sub": "first", "act": {"sub": "second"}}
    header = timing(app, "/own", headers=tokens.headers("b", "a:read", act=act))
    assert re.fullmatch(rf'app;dur=[0-9.]+;desc="{re.escape(TOKEN)}"', header)


def test_missing_claims_are_left_out(app, tokens):
    header = timing(app, "/own", headers=tokens.headers("b", client_id=None, status=None))
    assert header.partition("desc=")[2] == '"aud=an-api scope=b kid=test status=none"'


@pytest.mark.parametrize("scopes", [("a",), ()])
def test_refused_token_is_not_described(app, tokens, scopes):
    assert re.fullmatch("app;dur=[0-9.]+", timing(app, "/own", headers=tokens.headers(*scopes)))


def test_described_facts_are_in_the_header(app):
    @app.get("/granted")
    def granted():
        spans.describe(grant=["token-exchange"], aud=[])
        return {}

    init_app(app, server_timing=True)
    assert timing(app, "/granted").endswith(';desc="grant=token-exchange"')
    assert spans.describe(grant=["outside of a request"]) is None


def test_parts_of_called_service_are_passed_on(app, upstream):
    inner = 'app;dur=2.00;desc="aud=users-service", auth-service.app;dur=0.5, x;desc="<b>";dur=1'
    upstream.answers = [Answer(headers={"Server-Timing": inner})]

    @app.get("/calls")
    def calls():
        ServiceClient(upstream.url, name="users-service").get("/")
        return {}

    init_app(app, server_timing=True)
    header = timing(app, "/calls")
    passed = ', users-service.app;dur=2.00;desc="aud=users-service", users-service.auth-service.app;dur=0.5'
    assert re.fullmatch(f"app;dur=[0-9.]+, users-service;dur=[0-9.]+{re.escape(passed)}", header)


@pytest.mark.parametrize(
    "value", ["", "white space", 'quo"te', "semi;colon", "com,ma", "line\nbreak", "naïve", "x" * 256, "<b>"]
)
def test_fact_with_unsafe_value_is_left_out(value):
    assert facts({"aud": ["a", value], "scope": ["b"]}) == "scope=b"


def test_too_long_facts_are_left_out():
    assert part("app", 0.001, facts({"scope": [f"scope-{n}" for n in range(99)]})) == "app;dur=1.00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a;desc=secret;dur=1",
        'a;desc="b";dur=1',
        'a;dur=1;desc=""',
        'a;dur=1;desc="<b>"',
        'a;dur=1;desc="' + "x" * 513 + '"',
        'a;dur=1;desc="b"; extra=1',
        "a;dur=-1",
        "a;dur=1e9",
        "a b;dur=1",
        "a" * 128 + ";dur=1",
    ],
)
def test_other_text_of_a_service_is_dropped(text):
    assert parts_of("s", text) == []
    assert parts_of("s", f"{text}, b;dur=1") == ["s.b;dur=1"]


def test_parts_of_a_service_are_bounded():
    assert len(parts_of("s", "a;dur=1," * 99)) == MAX_PARTS
    long = parts_of("s", f'a;dur=1;desc="{"x" * 500}",' * 20)
    assert MAX_LENGTH - 520 < sum(map(len, long)) <= MAX_LENGTH

"""RP-Initiated Logout."""

from dataclasses import replace

import pytest
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.domain.oauth.id_token import IdTokenHint
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.browser_session import BrowserSession, BrowserUser
from auth_service.use_cases.oauth.rp_initiated_logout import LogoutRequestParser, RpInitiatedLogout
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession

ISSUER = "http://localhost:8080"


class Known:
    """An `IdTokenHintReader` of two tokens."""

    def read(self, id_token):
        return {"hers": IdTokenHint("alice", "app", "s"), "his": IdTokenHint("bob", "app", None)}.get(
            id_token
        )


@pytest.fixture
def read_log_out(rules):
    rules.register("app", post_logout_redirect_uris=("https://app.example/bye", "http://127.0.0.1/bye"))
    rules.register("off", post_logout_redirect_uris=("https://off.example/bye",), enabled=False)
    use_case = LogoutRequestParser(rules.clients, Known(), ISSUER)
    return lambda **parameters: use_case(parameters.items())


@pytest.fixture
def signed_in(rules):
    account = replace(rules.account("a@example.com"), sub="alice")
    return BrowserUser(BrowserSession(digest_of("c"), "alice", ("pwd",), 0, 0, 1), account)


def test_logout_redirects_with_state(read_log_out):
    request = read_log_out(
        id_token_hint="hers", post_logout_redirect_uri="https://app.example/bye", state="s s"
    )

    assert request.redirect_uri == "https://app.example/bye?state=s+s"


def test_logout_state_can_be_long(read_log_out):
    request = read_log_out(
        client_id="app", post_logout_redirect_uri="https://app.example/bye", state="s" * 5000
    )

    assert request.redirect_uri == f"https://app.example/bye?state={'s' * 5000}"


def test_logout_hint_unreadable_names_no_client(read_log_out, signed_in):
    request = read_log_out(id_token_hint="made up", post_logout_redirect_uri="https://app.example/bye")

    assert (request.redirect_uri, request.needs_confirmation(signed_in)) == (None, True)


def test_logout_client_named_without_hint(read_log_out):
    request = read_log_out(client_id="app", post_logout_redirect_uri="http://127.0.0.1:5000/bye")

    assert request.redirect_uri == "http://127.0.0.1:5000/bye"


NOWHERE = {
    "an address that is not registered": {
        "id_token_hint": "hers",
        "post_logout_redirect_uri": "https://evil.example/",
    },
    "an address without a client": {"post_logout_redirect_uri": "https://app.example/bye"},
    "an address of an unknown client": {
        "client_id": "unknown",
        "post_logout_redirect_uri": "https://app.example/bye",
    },
    "an address of a disabled client": {
        "client_id": "off",
        "post_logout_redirect_uri": "https://off.example/bye",
    },
    "a hint of another client than the one named": {"id_token_hint": "hers", "client_id": "cli"},
}


@pytest.mark.parametrize("case", NOWHERE)
def test_logout_has_no_redirect_for(read_log_out, case):
    with pytest.raises(InvalidAuthorizationRequest):
        read_log_out(**NOWHERE[case])


def test_logout_parameter_twice_is_refused(rules):
    with pytest.raises(InvalidAuthorizationRequest):
        LogoutRequestParser(rules.clients, Known(), ISSUER)([("state", "a"), ("state", "b")])


@pytest.mark.parametrize(
    ("hint", "there", "asked"),
    [
        ("hers", True, False),
        ("his", True, True),
        ("made up", True, True),
        (None, True, True),
        ("hers", False, False),
        (None, False, False),
    ],
)
def test_logout_asks_unless_id_token_names_user(read_log_out, signed_in, hint, there, asked):
    request = read_log_out(**({"id_token_hint": hint} if hint else {}))

    assert request.needs_confirmation(signed_in if there else None) is asked


def test_logout_hint_without_cookie_ends_session(rules, opened, clock):
    session, _, _ = opened("openid")
    request = replace(
        LogoutRequestParser(rules.clients, Known(), ISSUER)([]),
        hint=IdTokenHint(session.sub, "cli", session.sid),
    )

    RpInitiatedLogout(EndBrowserSession(rules.store, clock))(request, None)

    assert rules.session(session.sid).ended_at == clock()


def test_logout_without_hint_and_cookie_does_nothing(rules, opened, read_log_out, clock):
    session, _, _ = opened("openid")

    RpInitiatedLogout(EndBrowserSession(rules.store, clock))(read_log_out(), None)

    assert rules.session(session.sid).ended_at is None

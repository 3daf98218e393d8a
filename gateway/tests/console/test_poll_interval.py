"""Which requests make the streams of processes poll fast."""

import pytest
from gateway.browser_session.browser_sessions import BrowserSessions
from gateway.browser_session.cookies import Cookies
from gateway.browser_session.sealer import Sealer
from gateway.errors import Refusal
from gateway.request import Request

ORIGIN = "http://localhost:8080"
OWN = (b"x-requested-with", b"touchstone")
KEY = "bm5u" * 10 + "bm4="


@pytest.fixture
def seen(make_tokens):
    """`seen(method, *headers)`: how often a request has made the streams poll fast; `cookie`: with that of a session."""

    def count(method, *headers, cookie=True):
        calls = []
        sessions = BrowserSessions(
            Sealer([KEY]), Cookies(secure=False), None, None, ORIGIN, on_change=lambda: calls.append(1)
        )
        sent = Request({"method": "GET", "headers": []}, None, None)
        sessions.keep(sent, make_tokens())
        (_, line) = sent.added_headers[0]
        own = [(b"cookie", line.partition(b";")[0])] if cookie else []
        sessions.usable_tokens(Request({"method": method, "headers": [*own, *headers]}, None, None))
        return len(calls)

    return count


def test_change_by_session_is_seen(seen):
    assert seen("POST", OWN) == seen("DELETE", OWN) == 1


def test_other_requests_are_not_seen(seen):
    assert seen("GET", OWN) == seen("HEAD") == seen("POST", OWN, cookie=False) == 0


def test_request_of_another_site_is_refused(seen):
    with pytest.raises(Refusal):
        seen("POST")

import pytest
from testkit.browser import Browser, forms_of
from testkit.upstream import Answer

LOG_IN = Answer(
    200,
    b'<form method="post" action="/in"><input name="_form" value="secret"><input name="email"><input name="password">'
    b"<input type=checkbox></form>",
    {"Content-Type": "text/html", "Set-Cookie": "form=1"},
)
CONSENT = Answer(
    200, b'<form action="/yes"><input name="_form" value="2"></form>', {"Content-Type": "text/html"}
)
BACK = Answer(303, b"", {"Location": "http://client.example/callback?code=1"})


@pytest.fixture
def browser():
    browser = Browser("alice@example.com", "hunter2hunter2")
    yield browser
    browser.session.close()


def test_authorize_logs_in_and_consents(upstream, browser):
    upstream.answers = [LOG_IN, CONSENT, Answer(303, b"", {"Location": "/on"}), BACK]

    assert browser.authorize(f"{upstream.url}/start") == "http://client.example/callback?code=1"

    _, log_in, consent, on = upstream.received
    assert (log_in.method, log_in.path, log_in.headers["Cookie"]) == ("POST", "/in", "form=1")
    assert log_in.form() == {
        "_form": "secret",
        "email": "alice@example.com",
        "password": "hunter2hunter2",
    }
    assert (consent.method, consent.path) == ("GET", "/yes?_form=2&_choice=allow")
    assert on.path == "/on"


@pytest.mark.parametrize("answer", [Answer(400, b"no"), Answer(200, b"<p>the end"), LOG_IN])
def test_page_without_way_on_raises(upstream, browser, answer):
    upstream.answers = [answer]

    with pytest.raises(AssertionError):
        browser.authorize(f"{upstream.url}/start")


def test_inputs_outside_forms_are_ignored(upstream, browser):
    upstream.answers = [Answer(200, b'<input name="x"><form></form>', {"Content-Type": "text/html"})]

    (form,) = forms_of(browser.get(upstream.url))

    assert (form.action, form.method, form.fields) == ("", "get", {})


def test_complete_submits_until_no_form(upstream, browser):
    upstream.answers = [Answer(303, b"", {"Location": "/page"}), LOG_IN, CONSENT, Answer(200, b"<p>done")]

    assert browser.complete(f"{upstream.url}/start").text == "<p>done"
    assert [each.path.partition("?")[0] for each in upstream.received] == ["/start", "/page", "/in", "/yes"]


def test_endless_form_raises(upstream, browser):
    upstream.answers = [CONSENT]

    with pytest.raises(AssertionError, match="no end"):
        browser.complete(f"{upstream.url}/start")

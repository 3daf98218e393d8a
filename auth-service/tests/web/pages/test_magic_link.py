"""Log-in by mail: the pages for the address, the code and the link, and the way on to the application."""

import re
from urllib.parse import urlencode

import pytest
from testkit.oauth_clients import parameters_of

from ..helpers import CALLBACK, REQUEST, fields_of

ALICE = "alice@example.com"
PARTNERS = REQUEST | {
    "client_id": "partner",
    "redirect_uri": "https://partner.example/callback",
    "scope": "orders:read",
}


@pytest.fixture
def ask(client, submit):
    """`ask(request, email)`: have link and code mailed from the page; return the page for the code."""

    def send(request=REQUEST, email=ALICE, **fields):
        page = client.get("/magic-links", query_string=request)
        assert page.status_code == 200
        return submit(page, "/magic-links", email=email, **fields)

    return send


@pytest.fixture
def enter(submit, outbox):
    """`enter(page, code)`: submit the page for the code, with the mailed code by default."""
    return lambda page, code=None, **fields: submit(
        page, "/magic-links/redeem", code=outbox.code if code is None else code, **fields
    )


@pytest.fixture
def follow(client, submit, outbox):
    """`follow()`: open the mailed link in this browser and submit its form."""
    return lambda: submit(client.get(f"/magic-links/redeem?token={outbox.token}"), "/magic-links/redeem")


def test_login_page_leads_to_mailed_link(authorize):
    page = authorize()

    for path in ("/magic-links", "/password-resets", "/accounts"):
        assert re.search(rf'href="{path}\?([^"]*)"', page.text)[1].startswith(
            "response_type=code&amp;client_id=cli"
        )


def test_typed_address_is_kept_in_links(sign_in, client):
    page = sign_in(password="wrong", login_hint="other@example.com")
    href = re.search(r'href="(/magic-links[^"]*)"', page.text)[1].replace("&amp;", "&")

    assert f'value="{ALICE}"' in client.get(href).text
    assert href.count("login_hint") == 1


@pytest.mark.parametrize("way", ["enter", "follow"])
def test_mailed_secret_ends_at_application(ask, enter, follow, client, redeem, way):
    page = ask()
    assert (page.status_code, f'value="{ALICE}"' in page.text) == (200, True)

    answer = enter(page) if way == "enter" else follow()

    assert answer.status_code == 303
    assert answer.location.startswith(f"{CALLBACK}?code=")
    assert redeem(answer.location).status_code == 200
    assert client.get_cookie("touchstone_login").value
    assert client.get_cookie("magic") is None
    assert client.get_cookie("touchstone_request") is None


@pytest.mark.parametrize("way", ["enter", "follow"])
def test_mailed_secret_satisfies_prompt_login(ask, enter, follow, way):
    page = ask(REQUEST | {"prompt": "login", "max_age": "0"})

    answer = enter(page) if way == "enter" else follow()

    assert "code" in parameters_of(answer.location)


@pytest.mark.parametrize("way", ["enter", "follow"])
def test_mailed_secret_leads_to_consent(ask, enter, follow, submit, way):
    page = ask(PARTNERS)

    consent = enter(page) if way == "enter" else follow()
    answer = submit(consent, _choice="allow")

    assert answer.location.startswith("https://partner.example/callback?code=")


def test_mailed_code_leads_to_device(ask, enter):
    assert enter(ask({"user_code": "BCDF-GHJK"})).location == (
        "http://localhost:8080/oauth/device?user_code=BCDF-GHJK&login_hint=alice@example.com"
    )


def test_mailed_code_without_request_leads_to_root(ask, enter, client):
    answer = enter(ask({}))

    assert answer.location == "http://localhost:8080/"
    assert client.get_cookie("touchstone_request") is None


def test_refused_request_after_code_keeps_login(ask, enter, client):
    answer = enter(ask(REQUEST | {"scope": "admin"}))

    assert parameters_of(answer.location)["error"] == "access_denied"
    assert client.get_cookie("touchstone_login").value


def test_pages_allow_redirect_of_this_request(client, ask, outbox):
    page = ask(PARTNERS)
    link = client.get(f"/magic-links/redeem?token={outbox.token}")
    address = client.get("/magic-links", query_string=PARTNERS)

    for each in (page, link):
        assert f"form-action 'self' {PARTNERS['redirect_uri']};" in each.headers["Content-Security-Policy"]
    assert "form-action 'self';" in address.headers["Content-Security-Policy"]


def test_unknown_address_answers_alike(ask, outbox):
    shapes = set()
    for email in (ALICE, "unknown@example.com"):
        page = ask(email=email)
        text = re.sub(r'(value|href)="[^"]*"', "", page.text).replace(email, "")
        shapes.add((page.status_code, *(name for name, _ in page.headers), text))

    assert len(shapes) == 1
    assert (outbox.work, len(outbox.mails)) == (2, 1)


def test_code_of_unknown_address_looks_wrong(ask, enter):
    pages = [ask(email=email) for email in (ALICE, "unknown@example.com")]
    answers = [enter(page, "BBBB-BBBB") for page in pages[1:]] + [enter(ask(), "BBBB-BBBB")]

    texts = {re.sub(r'(value|href)="[^"]*"|\w+@example.com', "", answer.text) for answer in answers}
    assert len(texts) == 1
    assert [answer.status_code for answer in answers] == [403, 403]


def test_wrong_code_keeps_form_and_can_be_mended(ask, enter):
    page = enter(ask(), "BBBB-BBBB")

    assert (page.status_code, "This code is wrong" in page.text) == (403, True)
    assert fields_of(page).items() >= {"email": ALICE, "code": "BBBB-BBBB"}.items()
    assert 'aria-describedby="code-error"' in page.text
    assert "code" in parameters_of(enter(page).location)


def test_code_has_five_tries(ask, enter):
    page = ask()
    for _ in range(5):
        page = enter(page, "BBBB-BBBB")

    assert enter(page).status_code == 403


def test_empty_code_form_shows_both_faults(ask, enter):
    page = enter(ask(), " ", email=" ")

    assert page.status_code == 422
    assert set(re.findall(r'href="#(\w+)"', page.text)) == {"email", "code"}


@pytest.mark.parametrize("email", ["", " ", "alice", "a@b@c", "x" * 400 + "@example.com"])
def test_malformed_address_mails_nothing(ask, outbox, email):
    page = ask(email=email)

    assert (page.status_code, outbox.work) == (422, 0)
    assert 'aria-describedby="email-error"' in page.text


@pytest.mark.parametrize("path", ["/magic-links", "/magic-links/redeem", "/password-resets", "/accounts"])
def test_form_of_other_site_is_refused(client, ask, outbox, path):
    page = ask()
    before, code = outbox.work, outbox.code
    forms = {"/magic-links/redeem": fields_of(page) | {"code": code}}
    fields = forms.get(path, fields_of(client.get(path))) | {
        "email": ALICE,
        "name": "A",
        "password": "a new password",
    }

    answers = [
        client.post(path, data=fields, headers={"Sec-Fetch-Site": "cross-site"}),
        client.post(path, data=fields | {"_form": "1800000000." + "A" * 43}),
        client.application.test_client().post(path, data=fields),
        client.post(path, data=fields | {"_request": urlencode(REQUEST | {"state": "another"})}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert all("Please try again" in answer.text for answer in answers)
    assert outbox.work == before
    assert client.get_cookie("touchstone_login") is None


def test_invalid_request_is_error_page(client):
    answer = client.get("/magic-links", query_string=REQUEST | {"redirect_uri": "https://evil.example/"})

    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert "evil.example;" not in answer.headers["Content-Security-Policy"]


def test_refused_request_is_answered_to_client(client):
    answer = client.get("/magic-links", query_string=REQUEST | {"code_challenge_method": "plain"})

    assert parameters_of(answer.location)["error"] == "invalid_request"


TAMPERED = {
    "unregistered redirect": REQUEST | {"redirect_uri": "https://evil.example/"},
    "unknown client": REQUEST | {"client_id": "unknown"},
    "refused": REQUEST | {"response_type": "token"},
    "other page": {"next": "https://evil.example/"},
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_request_cookie_leads_to_root(client, ask, follow, case):
    ask()
    client.set_cookie("touchstone_request", urlencode(TAMPERED[case]))

    assert follow().location == "http://localhost:8080/"


@pytest.mark.parametrize(
    "value", ["%ff", "%00", "a" * 70_000, "a=1&" * 60, '"', "\u00e9", "//evil.example", ""]
)
def test_malformed_request_cookie_is_ignored(client, ask, outbox, submit, value):
    ask()
    client.delete_cookie("touchstone_request")
    cookies = f"touchstone_request={value}; touchstone_form={client.get_cookie('touchstone_form').value}"

    page = client.get(f"/magic-links/redeem?token={outbox.token}", headers={"Cookie": cookies})

    assert (page.status_code, fields_of(page)["_request"]) == (200, "")


def test_kept_request_is_bounded_and_http_only(ask, client):
    for size, is_kept in ((100, True), (2900, False), (12_000, False)):
        page = ask(REQUEST | {"state": "x" * size})
        cookies = [each for each in page.headers.getlist("Set-Cookie") if "touchstone_request" in each]
        assert max(map(len, cookies)) < 4096
        assert bool(client.get_cookie("touchstone_request")) == is_kept
    kept = next(each for each in ask().headers.getlist("Set-Cookie") if "touchstone_request" in each)
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=3600"} <= set(kept.split("; "))


def test_long_request_goes_on_by_code(ask, enter):
    state = "x" * 12_000

    assert parameters_of(enter(ask(REQUEST | {"state": state})).location)["state"] == state


def test_kept_request_holds_awkward_characters(ask, follow):
    state = 'a;b,c "d"\\e\u00e9%&=+/'
    ask(REQUEST | {"state": state})

    assert parameters_of(follow().location)["state"] == state


def test_link_without_request_forgets_earlier_one(ask, client, follow):
    ask()

    client.post("/magic-links", json={"email": ALICE})

    assert follow().location == "http://localhost:8080/"


def test_password_login_forgets_kept_request(ask, sign_in, client):
    ask()

    sign_in()

    assert client.get_cookie("touchstone_request") is None


def test_full_outbox_is_page_with_retry_after(ask, outbox):
    outbox.full = True

    answer = ask()

    assert (answer.status_code, answer.headers["Retry-After"], answer.mimetype) == (503, "5", "text/html")


def test_link_of_other_browser_does_not_log_in(ask, client, outbox):
    ask()
    other = client.application.test_client()
    page = other.get(f"/magic-links/redeem?token={outbox.token}")

    answer = other.post("/magic-links/redeem", data=fields_of(page))

    assert answer.status_code == 400
    assert other.get_cookie("touchstone_login") is None

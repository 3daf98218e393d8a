"""Log-in links and codes over HTTP: programs with cookies and without, and people at a browser."""

import re

import pytest

ALICE = {"email": "alice@example.com"}
FORM_LINK = re.compile(r'name="_form" value="([^"]+)"')


def ask(client, email="alice@example.com"):
    return client.post("/magic-links", json={"email": email})


def redeem(client, **body):
    return client.post("/magic-links/redeem", json=body)


def slug(answer):
    return answer.get_json()["type"].rpartition(":")[2]


@pytest.fixture
def stranger(client):
    """A second client of the same mint, with cookies of its own."""
    return client.application.test_client()


def test_a_program_that_keeps_cookies_redeems_with_the_token_alone(client, outbox):
    asked = ask(client)
    answer = redeem(client, token=outbox.token)

    assert asked.status_code == 202
    assert answer.status_code == 200
    assert set(answer.get_json()) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert redeem(client, token=outbox.token).status_code == 400  # the cookie went with the log-in


def test_a_program_without_cookies_names_the_binding(client, stranger, outbox):
    binding = ask(client).get_json()["binding"]

    assert redeem(stranger, token=outbox.token, binding=binding).status_code == 200


def test_the_code_is_redeemed_with_the_address(client, outbox):
    ask(client)

    answer = redeem(client, email="alice@example.com", code=outbox.code)

    assert answer.status_code == 200


def test_blanks_around_the_address_do_not_matter(client, outbox):
    ask(client, email=" \u00a0alice@example.com\t")

    answer = redeem(client, email="alice@example.com ", code=outbox.code)

    assert (outbox.last.to, answer.status_code) == ("alice@example.com", 200)


def test_who_did_not_ask_is_told_what_is_missing(client, stranger, outbox):
    ask(client)

    answer = redeem(stranger, token=outbox.token)

    assert (answer.status_code, slug(answer)) == (400, "binding_missing")
    assert redeem(client, token=outbox.token).status_code == 200


def test_who_asked_for_another_link_is_refused_and_challenged(client, stranger, outbox):
    ask(client)
    token = outbox.token
    ask(stranger)

    answer = redeem(stranger, token=token)

    assert (answer.status_code, slug(answer)) == (401, "bad_link")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com", "no address", "", "a" * 2000])
def test_the_answer_is_the_same_for_every_address(client, email):
    known, other = ask(client), ask(client, email)

    def shape(answer):
        return answer.status_code, [name for name, _ in answer.headers], answer.content_length

    assert shape(known) == shape(other)
    assert known.status_code == 202


def test_a_narrower_log_in_is_narrower(client, outbox):
    ask(client)

    answer = redeem(client, token=outbox.token, scope="orders:read", audience="orders-service")

    assert answer.get_json()["scope"] == "orders:read"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": ""},
        {"email": "alice@example.com"},
        {"code": "BCDF-GHJK"},
        {"token": "t", "email": "e", "code": "c"},
    ],
)
def test_it_is_either_a_token_or_an_address_and_a_code(client, body):
    assert redeem(client, **body).status_code == 422


def test_the_cookie_is_for_this_server_alone_and_out_of_every_scripts_reach(make_app):
    cookie = ask(make_app().test_client()).headers["Set-Cookie"]

    assert cookie.startswith("magic=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


def test_below_https_the_cookie_is_secure_and_named_for_one_host(make_app):
    app = make_app(issuer="https://mint.example", demo=False)

    cookie = ask(app.test_client()).headers["Set-Cookie"]

    assert cookie.startswith("__Host-magic=")
    assert "Secure" in cookie


def test_looking_at_the_link_uses_nothing_up(client, outbox):
    ask(client)
    for _ in range(3):
        page = client.get(f"/magic-links/redeem?token={outbox.token}")
        assert page.status_code == 200
        assert client.head(f"/magic-links/redeem?token={outbox.token}").status_code == 200

    assert "script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert redeem(client, token=outbox.token).status_code == 200


def press(client, token):
    page = client.get(f"/magic-links/redeem?token={token}")
    form = FORM_LINK.search(page.text)[1]
    return client.post("/magic-links/redeem", data={"token": token, "_form": form})


def test_the_button_logs_the_browser_in_and_leads_to_the_front_door(client, outbox):
    ask(client)

    answer = press(client, outbox.token)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "http://localhost:8080/"
    assert client.get_cookie("touchstone_login").value
    assert client.get_cookie("magic") is None


def test_the_button_says_so_in_a_browser_that_did_not_ask(client, stranger, outbox):
    ask(client)

    answer = press(stranger, outbox.token)

    assert answer.status_code == 400
    assert "in the browser that requested it" in answer.text
    assert press(client, outbox.token).status_code == 303


def test_a_link_that_is_used_up_says_so(client, outbox):
    ask(client)
    token = outbox.token
    press(client, token)
    ask(client)

    answer = press(client, token)

    assert answer.status_code == 400
    assert "already used" in answer.text


def test_another_sites_form_logs_nobody_in(client, outbox):
    ask(client)

    answer = client.post("/magic-links/redeem", data={"token": outbox.token, "_form": "made up"})

    assert answer.status_code == 403
    assert redeem(client, token=outbox.token).status_code == 200


def test_what_a_link_says_is_not_repeated_as_markup(client):
    page = client.get("/magic-links/redeem?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")

    assert "<script" not in page.text


def test_a_full_outbox_asks_to_come_back(client, outbox):
    outbox.full = True

    answer = ask(client)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"

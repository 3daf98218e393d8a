"""The page for a new account, its confirmation, and the way on to the application."""

import re

import pytest

from ..helpers import REQUEST, fields_of

NEW = {"name": "Dora", "email": "dora@example.com", "password": "several unrelated words"}


@pytest.fixture
def register(client, submit):
    """`register(request, **fields)`: submit the page for a new account."""

    def send(request=REQUEST, **fields):
        return submit(client.get("/accounts", query_string=request), "/accounts", **NEW | fields)

    return send


@pytest.fixture
def click(client):
    """`click(page)`: open the first link of a page."""

    def follow(page):
        href = re.search(r'href="([^"]*)">(?:Log in|Back to the log-in)<', page.text)[1]
        return client.get(href.replace("&amp;", "&"))

    return follow


def test_new_account_logs_in_to_application(register, click, submit, redeem, client):
    page = register()
    assert (page.status_code, "dora@example.com" in page.text) == (200, True)
    assert client.get_cookie("touchstone_login") is None

    form = click(page)
    answer = submit(form, password=NEW["password"])

    assert fields_of(form)["email"] == "dora@example.com"
    assert redeem(answer.location).get_json()["scope"] == "email openid"  # until the address is confirmed


def test_confirmation_leads_to_application(register, click, submit, client, outbox, redeem):
    register()
    page = client.get(f"/account/verification?token={outbox.token}")

    done = submit(page, "/account/verification/confirm")
    answer = submit(click(done), password=NEW["password"])

    assert "Email address confirmed" in done.text
    assert redeem(answer.location).get_json()["scope"] == "email openid orders:read"


def test_confirmation_elsewhere_leads_to_root(register, client, outbox):
    register()
    other = client.application.test_client()
    page = other.get(f"/account/verification?token={outbox.token}")

    done = other.post("/account/verification/confirm", data=fields_of(page))

    assert 'href="/">Log in</a>' in done.text


def test_known_address_looks_like_new_one(register, client, outbox, hasher):
    shapes, work = [], []
    for email in ("dora@example.com", "alice@example.com", "ALICE@example.com"):
        hasher.work.clear()
        page = register(email=email)
        text = re.sub(r'href="[^"]*"', "", page.text).replace(email, "")
        shapes.append((page.status_code, [name for name, _ in page.headers], text))
        work.append(list(hasher.work))

    assert shapes[0] == shapes[1] == shapes[2]
    assert work == [["hash"]] * 3
    assert outbox.work == 3
    login = {"email": "alice@example.com", "password": NEW["password"]}
    assert client.post("/login", json=login).status_code == 401


def test_all_faults_are_shown_at_once(register, outbox, hasher):
    hasher.work.clear()

    page = register(name=" ", email="dora", password="short")

    assert page.status_code == 422
    assert re.findall(r'href="#(\w+)"', page.text) == ["name", "email", "password"]
    assert all(f'id="{name}-error"' in page.text for name in ("name", "email", "password"))
    assert fields_of(page).items() >= {"name": " ", "email": "dora", "password": ""}.items()
    assert "The password must have 8 to 1024 characters." in page.text
    assert "Enter your name." in page.text
    assert (hasher.work, outbox.work) == ([], 0)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": "a\u202eb"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"email": "x" * 400 + "@example.com"}, "email"),
        ({"password": "password123"}, "password"),
        ({"password": "dora@example.com", "name": "Dora"}, "password"),
        ({"password": "x" * 5000}, "password"),
    ],
)
def test_single_fault_is_at_its_field(register, fields, fault):
    page = register(**fields)

    assert page.status_code == 422
    assert re.findall(r'href="#(\w+)"', page.text) == [fault]


def test_mended_form_keeps_request(register, submit, client):
    page = register(email="dora")

    done = submit(page, "/accounts", **NEW)

    assert "/oauth/authorize?response_type=code&amp;client_id=cli" in done.text
    assert "login_hint=dora@example.com" in done.text
    assert client.get_cookie("touchstone_request").value.startswith("response_type=code&client_id=cli&")


def test_page_escapes_what_was_typed(register):
    page = register(name='"><script>', email='"><script>@x', password="short")

    assert "<script" not in page.text


def test_new_account_page_allows_own_forms_alone(client, register):
    for page in (client.get("/accounts", query_string=REQUEST), register(), register(email="")):
        assert "form-action 'self';" in page.headers["Content-Security-Policy"]


def test_password_asks_browser_for_new_one(client):
    page = client.get("/accounts")

    assert re.findall(r'autocomplete="([^"]*)"', page.text) == ["name", "username", "new-password"]
    assert 'aria-describedby="password-hint"' in page.text


@pytest.mark.parametrize(("full", "busy", "status"), [(True, False, 503), (False, True, 429)])
def test_busy_registration_is_page(register, outbox, hasher, full, busy, status):
    outbox.full, hasher.busy = full, busy

    answer = register()

    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert answer.headers["Retry-After"]

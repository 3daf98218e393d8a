"""Two Unicode forms of a password are the same password, wherever one is sent."""

import pytest
from auth_service.adapters.argon2 import Argon2Hasher, HashCost

from ..helpers import bearer, fields_of

# Composed; and decomposed, with a no-break space.
NFC, NFD = "Zoë's café für Übung", "Zoe\u0308's cafe\u0301 fu\u0308r\u00a0U\u0308bung"
OTHER_NFC, OTHER_NFD = "ein größeres Häuschen", "ein gro\u0308ßeres Ha\u0308uschen"
ADDRESS = "zoe@example.com"
FORMS = [(NFC, NFD), (NFD, NFC)]


@pytest.fixture
def hasher():
    return Argon2Hasher(HashCost(memory=64, passes=1))


@pytest.fixture
def registered(client):
    """`registered(password)`: an account with this password."""

    def register(password):
        made = client.post("/accounts", json={"email": ADDRESS, "password": password, "name": "Zoë"})
        assert made.status_code == 201

    return register


@pytest.fixture
def log_in(client):
    return lambda password, email=ADDRESS: client.post("/login", json={"email": email, "password": password})


@pytest.mark.parametrize(("chosen", "typed"), FORMS)
def test_login_accepts_either_form(registered, log_in, chosen, typed):
    registered(chosen)

    assert log_in(typed).status_code == 200
    assert log_in(chosen).status_code == 200


@pytest.mark.parametrize(("chosen", "typed"), FORMS)
def test_login_page_accepts_either_form(registered, client, chosen, typed):
    registered(chosen)
    form = fields_of(client.get("/oauth/device"))

    answer = client.post("/oauth/device", data=form | {"email": ADDRESS, "password": typed})

    assert answer.status_code == 303


@pytest.mark.parametrize(("chosen", "typed"), FORMS)
def test_password_change_accepts_either_form(registered, log_in, client, chosen, typed):
    registered(chosen)
    headers = bearer(log_in(chosen).get_json())
    change = {"current_password": typed, "new_password": OTHER_NFD}

    assert client.post("/account/password", json=change, headers=headers).status_code == 204
    assert log_in(OTHER_NFC).status_code == 200


@pytest.mark.parametrize(("chosen", "typed"), FORMS)
def test_command_account_accepts_either_form(app, log_in, chosen, typed):
    command = ["accounts", "create", "--email", ADDRESS, "--name", "Zoë"]
    made = app.test_cli_runner().invoke(args=command, input=f"{chosen}\n{chosen}\n")
    assert made.exit_code == 0, made.output

    assert log_in(typed).status_code == 200


@pytest.mark.parametrize(("chosen", "typed"), FORMS)
def test_demo_password_accepts_either_form(make_app, chosen, typed):
    client = make_app(demo_password=chosen).test_client()

    answer = client.post("/login", json={"email": "bob@example.com", "password": typed})

    assert answer.status_code == 200


def test_old_hash_is_replaced_at_login(app, registered, log_in, hasher):
    registered(NFC)
    with app.extensions["engine"].begin() as db:
        before = hasher._argon2.hash(NFD.encode())
        db.exec_driver_sql("UPDATE accounts SET password_hash = ? WHERE email = ?", (before, ADDRESS))

    assert log_in(NFD).status_code == 200

    with app.extensions["engine"].connect() as db:
        row = db.exec_driver_sql("SELECT password_hash FROM accounts WHERE email = ?", (ADDRESS,)).one()
    assert hasher._argon2.verify(row[0], NFC.encode())

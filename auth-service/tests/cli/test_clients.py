"""The commands `clients …`, and clients of files."""

import json
import shutil

import jwt
import pytest
from auth_service.domain.security_events.event import SESSION_REVOKED
from auth_service.domain.security_events.stream import DeliveryMethod, Stream
from auth_service.storage.security_events.unit_of_work import SqlSecurityEventStore
from auth_service.storage.unit_of_work import SqlStore
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PASSWORD = "correct-horse-battery-staple"


def refreshed(client, person):
    form = {"grant_type": "refresh_token", "refresh_token": person["refresh_token"]}
    return client.post("/oauth/token", data=form).status_code


SHOP = (
    *(
        "clients",
        "register",
        "shop",
        "--confidential",
        "--name",
        "Some shop",
        "--grant",
        "client_credentials",
    ),
    *("--audience", "users-service", "--own-scope", "users:read"),
)


def token_for(client, **form):
    return client.post("/oauth/token", data={"grant_type": "client_credentials", **form})


def test_client_secret_is_shown_once(client, run, lines, sqlite_file):
    made = lines(*SHOP, "--secret", "--json")[0]
    secret = made["client_secret"]

    assert token_for(client, client_id="shop", client_secret=secret).status_code == 200
    assert secret not in json.dumps(lines("clients", "show", "shop", "--json") + lines("audit"))
    assert secret.encode() not in sqlite_file.read_bytes()
    assert made["authenticates"] == "client_secret"
    assert "Some shop" in run("clients", "list").output


def test_client_secret_has_its_own_line(client, run):
    secret = run(*SHOP, "--secret").output.splitlines()[-1].rpartition(" ")[2]

    assert token_for(client, client_id="shop", client_secret=secret).status_code == 200


def test_new_secret_replaces_old_one(client, lines):
    old = lines(*SHOP, "--secret", "--json")[0]["client_secret"]
    new = lines("clients", "rotate-secret", "shop", "--json")[0]["client_secret"]

    assert token_for(client, client_id="shop", client_secret=old).status_code == 401
    assert token_for(client, client_id="shop", client_secret=new).status_code == 200


def test_client_with_key_authenticates(client, run, keys_dir, clock):
    key = keys_dir / "clients" / "orders-service"
    assert run(*SHOP, "--public-key", f"{key}.pub.pem").exit_code == 0

    claims = {"iss": "shop", "sub": "shop", "aud": "http://localhost:8080", "jti": "1", "exp": clock() + 60}
    assertion = jwt.encode(claims, key.with_name("orders-service.pem").read_text(), "RS256")
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert token_for(client, client_assertion=assertion, client_assertion_type=kind).status_code == 200
    assert run("clients", "rotate-secret", "shop").exit_code == 1


@pytest.fixture(scope="module")
def bad_keys(tmp_path_factory):
    """Files without a valid public key for a client, by content."""
    folder = tmp_path_factory.mktemp("bad-keys")
    private = rsa.generate_private_key(65537, 2048)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    held = {
        "nothing": b"",
        "text": b"none",
        "a private key": private.private_bytes(*plain),
        "both halves": private.private_bytes(*plain) + private.public_key().public_bytes(*public),
        "a small RSA key": rsa.generate_private_key(65537, 1024).public_key().public_bytes(*public),
        "an EC key": ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*public),
        "bytes": b"\xff\x00" * 100,
    }
    for number, content in enumerate(held.values()):
        (folder / f"{number}.pem").write_bytes(content)
    return {name: folder / f"{number}.pem" for number, name in enumerate(held)}


BAD_KEYS = ["nothing", "text", "a private key", "both halves", "a small RSA key", "an EC key", "bytes"]


def client_state(lines, keys_dir):
    """Return all clients, audit entries and key files."""
    files = {path.name: path.read_bytes() for path in (keys_dir / "clients").iterdir()}
    return lines("clients", "list", "--json"), lines("audit"), files


@pytest.mark.parametrize("held", BAD_KEYS)
def test_client_with_bad_key_is_not_registered(run, lines, keys_dir, bad_keys, held):
    before = client_state(lines, keys_dir)

    refused = run(*SHOP, "--public-key", str(bad_keys[held]))

    assert refused.exit_code == 1
    assert "the public key cannot be installed" in refused.output
    assert client_state(lines, keys_dir) == before
    assert run(*SHOP, "--secret").exit_code == 0


@pytest.mark.parametrize("held", BAD_KEYS)
def test_client_update_with_bad_key_is_refused(run, lines, keys_dir, bad_keys, held):
    assert run(*SHOP, "--public-key", str(keys_dir / "clients" / "orders-service.pub.pem")).exit_code == 0
    before = client_state(lines, keys_dir)

    refused = run("clients", "update", "shop", "--name", "Other", "--public-key", str(bad_keys[held]))

    assert refused.exit_code == 1
    assert client_state(lines, keys_dir) == before


@pytest.mark.parametrize(
    "changes",
    [
        ("--redirect-uri", "https://*.example/"),
        ("--grant", "password"),
        ("--public",),
    ],
)
def test_bad_registration_stores_no_key(run, lines, keys_dir, changes):
    before = client_state(lines, keys_dir)

    refused = run(*SHOP, *changes, "--public-key", str(keys_dir / "clients" / "orders-service.pub.pem"))

    assert refused.exit_code == 1
    assert client_state(lines, keys_dir) == before


def test_taken_client_id_keeps_its_key(run, lines, keys_dir):
    keys = keys_dir / "clients"
    assert run(*SHOP, "--public-key", str(keys / "orders-service.pub.pem")).exit_code == 0
    before = client_state(lines, keys_dir)

    for client_id in ("shop", "orders-service"):
        command = ["clients", "register", client_id, *SHOP[3:]]
        assert run(*command, "--public-key", str(keys / "introspector.pub.pem")).exit_code == 1

    assert client_state(lines, keys_dir) == before


def test_unwritable_folder_adds_no_client(run, lines, keys_dir):
    key = (keys_dir / "clients" / "orders-service.pub.pem").rename(keys_dir / "other.pem")
    shutil.rmtree(keys_dir / "clients")
    (keys_dir / "clients").write_text("in the way")
    before = lines("clients", "list", "--json")

    assert run(*SHOP, "--public-key", str(key)).exit_code == 1
    assert lines("clients", "list", "--json") == before


def test_secret_with_key_is_refused(run, keys_dir):
    key = keys_dir / "clients" / "orders-service.pub.pem"

    assert run(*SHOP, "--secret", "--public-key", str(key)).exit_code == 2


def test_client_change_counts_at_once(client, run, lines):
    secret = lines(*SHOP, "--secret", "--json")[0]["client_secret"]

    changed = lines("clients", "update", "shop", "--audience", "orders-service", "--name", "Shop", "--json")

    assert (changed[0]["audiences"], changed[0]["name"]) == (["orders-service"], "Shop")
    refused = token_for(client, client_id="shop", client_secret=secret, audience="users-service")
    assert refused.get_json()["error"] == "invalid_target"
    assert (
        token_for(client, client_id="shop", client_secret=secret, audience="orders-service").status_code
        == 200
    )
    assert run("clients", "update", "shop", "--audience", "elsewhere").exit_code == 1
    assert lines("audit", "--event", "client_changed")[0]["client_id"] == "shop"


def test_client_origins_are_shown_and_cleared(run, lines):
    page = "https://page.example"
    assert run("clients", "register", "page", "--public", "--origin", page).exit_code == 0
    assert page in run("clients", "list").output
    assert lines("audit", "--event", "client_registered")[0]["detail"]["origins"] == [page]

    assert "origins" not in lines("clients", "update", "page", "--origin", "", "--json")[0]
    assert run("clients", "update", "page", "--origin", f"{page}/").exit_code == 1
    assert run("clients", "register", "own", "--confidential", "--secret", "--origin", page).exit_code == 1


def test_disabled_client_loses_its_sessions(client, run, lines):
    run("clients", "register", "app", "--first-party", "--grant", "refresh_token", *WIDE)
    session = client.post(
        "/login", json={"email": "alice@example.com", "password": PASSWORD, "client_id": "app"}
    ).get_json()

    assert run("clients", "disable", "app").output == "disabled app; sessions ended: 1\n"
    assert run("clients", "disable", "app").exit_code == 0

    assert refreshed(client, session) == 400
    again = {"email": "alice@example.com", "password": PASSWORD, "client_id": "app"}
    assert client.post("/login", json=again).status_code == 401
    assert lines("audit", "--event", "session_ended")[0]["detail"] == {"reason": "client_disabled"}
    assert len(lines("audit", "--event", "client_disabled")) == 1

    run("clients", "enable", "app")
    assert client.post("/login", json=again).status_code == 200
    assert refreshed(client, session) == 400


WIDE = ("--audience", "users-service", "--scope", "profile:read")


def test_disabling_client_in_file_ends_sessions(make_app, tmp_path, sqlite_file):
    file = tmp_path / "registry.toml"
    table = '[clients.app]\nname = "App"\nfirst_party = true\ngrants = ["refresh_token"]\n'
    table += 'audiences = ["users-service"]\nscopes = ["profile:read"]\n'
    file.write_text(table)
    client = make_app(registry_file=file).test_client()
    credentials = {"email": "alice@example.com", "password": PASSWORD, "client_id": "app"}
    session = client.post("/login", json=credentials).get_json()
    with SqlSecurityEventStore(SqlStore(client.application.extensions["engine"])).transaction() as tx:
        tx.streams.add(Stream("stream", "hr", DeliveryMethod.POLL, (SESSION_REVOKED,), created_at=1.0))

    file.write_text(table + "enabled = false\n")
    restarted = make_app(registry_file=file)

    assert refreshed(restarted.test_client(), session) == 400
    ended = restarted.test_cli_runner().invoke(args=["audit", "--event", "session_ended"]).stdout
    assert json.loads(ended)["detail"] == {"reason": "client_disabled"}
    streams = restarted.test_cli_runner().invoke(args=["signals", "streams", "--json"]).stdout
    assert json.loads(streams)["waiting"] == 1


def test_errors_of_clients_file_are_all_named(make_app, tmp_path):
    file = tmp_path / "registry.toml"
    file.write_text('[clients.a]\ncolour = 1\n[clients.cli]\nname = ""\n')

    with pytest.raises(ValueError, match=r"client a: colour.*\nclient cli: name"):
        make_app(registry_file=file)

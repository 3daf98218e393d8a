"""Client metadata: every fault is named, all of them at once."""

import hashlib
from dataclasses import dataclass

import pytest
from auth_service.adapters.registry_files import AllClients, FileClients, packaged_rows
from auth_service.domain.oauth.client import hash_secret, secret_fits
from auth_service.domain.oauth.client_metadata import client_table, origin_faults, parse_client, uri_faults
from auth_service.domain.oauth.errors import InvalidClientMetadata

GOOD = {
    "name": "Some shop",
    "grants": ["authorization_code", "refresh_token"],
    "redirect_uris": ["https://shop.example/callback"],
    "audiences": ["orders-service"],
    "scopes": ["orders:read", "openid"],
}


@dataclass
class Named:
    client_id: str


def faults_of(client_id="shop", **changes):
    with pytest.raises(InvalidClientMetadata) as refused:
        parse_client(client_id, GOOD | changes, packaged_rows().registry)
    return refused.value.faults


def test_client_table_round_trips():
    client = parse_client("shop", GOOD | {"origins": ["https://shop.example", "http://localhost:5173"]})

    assert parse_client("shop", client_table(client)) == client
    assert client_table(client)["scopes"] == ["openid", "orders:read"]


@pytest.mark.parametrize("client", packaged_rows().clients, ids=lambda client: client.client_id)
def test_packaged_clients_are_valid(client):
    assert (
        parse_client(client.client_id, client_table(client), packaged_rows().registry, allow_relative=True)
        == client
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"client_id": "../x"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": ".hidden"}, "client_id"),
        ({"client_id": "x" * 101}, "client_id"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 1}, "name"),
        ({"grants": ["password"]}, "grants"),
        ({"grants": "authorization_code"}, "grants"),
        ({"grants": [1]}, "grants"),
        ({"grants": ["authorization_code", "client_credentials"]}, "grants"),
        ({"audiences": ["elsewhere"]}, "audiences"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"own_scopes": ["openid"]}, "own_scopes"),
        ({"serves": ["orders-service"]}, "serves"),
        ({"serves": ["elsewhere"], "confidential": True}, "serves"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"origins": "https://shop.example"}, "origins"),
        ({"origins": ["https://shop.example"], "confidential": True}, "origins"),
        ({"confidential": "yes"}, "confidential"),
        ({"secret_hash": "0" * 64}, "secret_hash"),
        ({"secret_hash": "plain", "confidential": True}, "secret_hash"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_each_fault_is_named(changes, fault):
    (said,) = faults_of(**changes)

    assert said.startswith(fault)


def test_all_faults_are_named_at_once():
    assert (
        len(faults_of(grants=["password"], audiences=["elsewhere"], redirect_uris=["http://a.example/"])) == 3
    )


@pytest.mark.parametrize(
    "uri",
    [
        "https://shop.example/callback",
        "https://shop.example:8443/callback?kept=1",
        "http://127.0.0.1/callback",
        "http://[::1]/callback",
        "http://localhost:3000/callback",
        "com.example.app:/callback",
        "com.example.app:callback",
        "com.example.app:",
        "com.example.app://",
        "com.example.app:///callback",
        "com.example.app://callback",
        "com.example.app://callback:8000/more?kept=1",
        "io.some-shop.app2+debug://expo-development-client/?url=x",
    ],
)
def test_redirect_uri_valid(uri):
    assert uri_faults(uri) == []


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "callback",
        "http://shop.example/callback",
        "https:///callback",
        "https://shop.example/callback#x",
        "https://shop.example/callback#",
        "https://*.shop.example/callback",
        "https://shop.example/*",
        "https://user@shop.example/",
        "https://shop.example:x/",
        "https://shop.example/a b",
        "https://shop.example/\u00e9",
        "https://[x/",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/callback",
        "myapp://callback",
        "com.example.app",
        "com.example.app://user@callback",
        "com.example.app://callback#x",
        "com.example.app://*/callback",
        "com.example.app://[callback",
        "com.example.app://<callback>",
        ".example:/callback",
        "1com.example.app:/callback",
        "javascript://shop.example/%0aalert(1)",
        "http://127.0.0.1.evil.example/",
        "https://shop.example/" + "x" * 2000,
    ],
)
def test_redirect_uri_invalid(uri):
    assert len(uri_faults(uri)) == 1


def test_relative_redirect_uri_is_for_packaged_clients():
    assert uri_faults("/callback", allow_relative=True) == []
    assert len(uri_faults("/call back", allow_relative=True)) == 1


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "https://shop.example:8443",
        "https://xn--bcher-kva.example",
        "https://[2001:db8::1]",
        "http://localhost:5173",
        "http://127.0.0.1:8044",
        "http://[::1]:5173",
    ],
)
def test_origin_valid(origin):
    assert origin_faults(origin) == []


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "*",
        "null",
        "shop.example",
        "https://*.shop.example",
        "https://shop.example/",
        "https://shop.example/app",
        "https://shop.example?x",
        "https://shop.example#x",
        "https://Shop.example",
        "HTTPS://shop.example",
        "https://shop.example:443",
        "http://localhost:80",
        "https://shop.example:",
        "https://shop.example:0",
        "https://shop.example:08443",
        "https://shop.example:70000",
        "https://user@shop.example",
        "https://bücher.example",
        "https://a.example https://b.example",
        "http://shop.example",
        "com.example.app://callback",
        "file://",
    ],
)
def test_origin_invalid(origin):
    assert len(faults_of(origins=[origin])) == 1


def test_impossible_client_id_is_not_looked_up(memory):
    clients = AllClients(FileClients(packaged_rows().clients), memory)
    with memory.transaction() as tx:
        for client_id in ("shop", "a\x00b", ""):
            tx.clients.add(parse_client("shop", GOOD) if client_id == "shop" else Named(client_id), 1.0)

    assert clients.get("cli").first_party
    assert clients.get("shop").name == "Some shop"
    assert clients.get("unknown") is None
    assert clients.get("a\x00b") is clients.get("") is None


def test_origins_are_those_of_enabled_clients(memory):
    def client(name, **more):
        return parse_client(name, GOOD | {"origins": [f"https://{name}.example"]} | more)

    fixed = FileClients([client("file"), client("old", enabled=False)])
    with memory.transaction() as tx:
        tx.clients.add(client("shop"), 1.0)

    assert AllClients(fixed, memory).origins() == {"https://file.example", "https://shop.example"}


def test_secret_is_stored_as_sha256():
    client = parse_client("shop", GOOD | {"confidential": True, "secret_hash": hash_secret("the secret")})

    assert client.secret_hash == hashlib.sha256(b"the secret").hexdigest()
    assert secret_fits(client, "the secret")
    assert not secret_fits(client, "the secret ")
    assert not secret_fits(client, "\ud800")
    assert not secret_fits(parse_client("shop", GOOD), "the secret")
    assert not secret_fits(None, "")
    assert "secret_hash" not in repr(client)

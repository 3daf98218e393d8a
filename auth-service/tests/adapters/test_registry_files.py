"""The rows of registry.toml and REGISTRY_FILE."""

import pytest
from auth_service.adapters.registry_files import packaged_rows, registry_files
from auth_service.domain.oauth.client_metadata import limited
from auth_service.domain.oauth.errors import InvalidRegistration


@pytest.fixture
def read(tmp_path):
    """`read(toml)`: the packaged rows and those of a file with this content."""

    def write(content):
        file = tmp_path / "registry.toml"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return registry_files(file)

    return write


APP = """
[audiences.my-app]
unverified = ["things:read"]
[audiences.my-app.scopes]
"things:read" = "See your things"
[audiences.my-app.client_scopes]
"things.manage" = "Manage things"
[roles.customer]
scopes = ["things:read"]
[roles.clerk]
default = true
scopes = ["things:read", "orders:read"]
[clients.app]
grants = ["client_credentials"]
confidential = true
audiences = ["my-app"]
own_scopes = ["things.manage"]
"""


def test_packaged_rows_are_without_faults():
    rows = packaged_rows()

    assert registry_files(None) == rows
    assert rows.registry.default_roles == {"customer"}


def test_file_adds_rows(read):
    rows, packaged = read(APP), packaged_rows()

    assert rows.registry.audiences.keys() == packaged.registry.audiences.keys() | {"my-app"}
    assert rows.registry.audiences["my-app"].unverified == {"things:read"}
    assert rows.registry.default_roles == {"customer", "clerk"}
    assert [client.client_id for client in rows.clients[len(packaged.clients) :]] == ["app"]


def test_file_adds_scopes_to_a_role(read):
    before = packaged_rows().registry.roles["customer"]

    after = read(APP).registry.roles["customer"]

    assert (after.scopes, after.default) == (before.scopes | {"things:read"}, True)


def test_wildcard_has_audiences_of_further_files(read):
    rows = read(APP)
    cli = limited(next(client for client in rows.clients if client.client_id == "cli"), rows.registry)

    assert "my-app" in cli.audiences
    assert {"things:read", "openid"} <= cli.scopes


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ("[audiences.users-service]", "audience users-service: this name is taken"),
        ("[clients.cli]", "client cli: this id is taken"),
        ('[audiences.a]\nscopes = ["orders:read"]', "orders:read: belongs to audience orders-service"),
        ('[audiences.a]\nscopes = ["email"]', "belongs to OpenID Connect already"),
        ("[roles.admin]\ndefault = true", "role admin: default: is set where"),
        ('[roles.clerk]\nscopes = ["ssf.read"]', "is for clients, not for users"),
        ('[clients.app]\naudiences = ["*"]', r"audiences: \* is for first-party clients"),
        ('[clients.app]\nscopes = ["*"]', r"scopes: \* is for first-party clients"),
        ('[clients.app]\nconfidential = true\nserves = ["*"]', r"serves: \* is for first-party clients"),
        ('[clients.app]\nfirst_party = true\nown_scopes = ["*"]', r"own_scopes: unknown: \*"),
        ('[clients.app]\nredirect_uris = ["/back"]', "'/back'"),
        ("[[audiences]]", "audiences: must be"),
        ("audiences = 1", "audiences: must be"),
        ("[roles]\nclerk = 1", "role clerk: must be a table"),
        ("[other]", "other: only"),
        ('[audiences."a/b"]', "audience a/b: name: must have"),
        ("[audiences.a]\nunverified = ['b']", "unverified: must be some of its scopes"),
        ("[audiences.a]\nunverified = 1", "unverified: must be a list of strings"),
        ("[audiences.a]\nscopes = 1", "scopes: must be a table of descriptions"),
        ("[audiences.a]\nscopes = ['b']\nclient_scopes = ['b']", "b: is in scopes and in client_scopes"),
        ("[roles.clerk]\nscopes = [1]\ndefault = 1", "scopes: must be a list.*default: must be"),
        ("not TOML", "is not TOML"),
        ("a = " + "[" * 5000, "is not TOML"),
        (b"\xff", "cannot be read"),
    ],
)
def test_faulty_file_is_refused(read, toml, fault):
    with pytest.raises(InvalidRegistration, match=fault):
        read(toml)


def test_every_fault_is_named_once(read):
    with pytest.raises(InvalidRegistration) as caught:
        read(
            "[audiences.my-app]\ncolour = 1\n[audiences.my-app.scopes]\n'things:read' = ''\n"
            "[roles.Clerk]\n[roles.customer]\nscopes = ['things:read', 'none']\n"
            "[clients.app]\naudiences = ['my-app', 'nowhere']\nname = ''\n[other]\n"
        )

    assert sorted(fault.split(": ", 1)[0] for fault in caught.value.faults) == [
        *("audience my-app", "audience my-app"),
        *("client app", "client app"),
        "other",
        "role Clerk",
        "role customer",
    ]


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_unreadable_file_is_refused(tmp_path, name):
    with pytest.raises(InvalidRegistration, match="cannot be read"):
        registry_files(tmp_path / name)

import os
from typing import Annotated

import pytest
from pydantic import AfterValidator, Field
from service_kit.database.url import DatabaseUrl
from service_kit.settings import (
    HttpUrl,
    KeysDir,
    Port,
    Seconds,
    ServiceSettings,
    is_loopback,
    load,
    service_address,
)


class Settings(ServiceSettings):
    database_url: DatabaseUrl
    ttl: Seconds = Field(default=300)


@pytest.fixture
def env(monkeypatch, tmp_path):
    for name in (*Settings.model_fields, "keys_dir"):
        monkeypatch.delenv(name.upper(), raising=False)

    def read(cls=ServiceSettings, **values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return load(cls, secrets_dir=tmp_path / "no-secrets")

    return read


def faults(env, capsys, cls=ServiceSettings, **values):
    with pytest.raises(SystemExit) as left:
        env(cls, **values)
    assert left.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return [line.strip() for line in captured.err.splitlines()[1:]]


def test_defaults_are_addresses_of_make_run(env):
    settings = env()
    assert settings.issuer == "http://localhost:8080"
    assert settings.issuer_backchannel == settings.auth_url == "http://127.0.0.1:8081"
    assert settings.rate_limits
    assert not settings.demo


class CallingSettings(ServiceSettings):
    stock_port: Port = 8085
    stock_url: HttpUrl = service_address("stock_port")


def test_port_changes_default_address(env):
    assert env(CallingSettings).stock_url == "http://127.0.0.1:8085"
    settings = env(CallingSettings, AUTH_PORT="9001", STOCK_PORT="9002", STOCK_URL="")
    assert (settings.issuer_backchannel, settings.stock_url) == (
        "http://127.0.0.1:9001",
        "http://127.0.0.1:9002",
    )
    assert env(CallingSettings, STOCK_URL="http://stock:9/").stock_url == "http://stock:9"


def test_service_hosts_names_default_addresses(env):
    settings = env(CallingSettings, SERVICE_HOSTS="names", STOCK_PORT="9", AUTH_URL="http://other")
    assert settings.stock_url == "http://stock-service:9"
    assert (settings.issuer_backchannel, settings.auth_url) == ("http://auth-service:8081", "http://other")


def test_unknown_service_hosts_is_one_fault(env, capsys):
    (line,) = faults(env, capsys, CallingSettings, SERVICE_HOSTS="here")
    assert line.startswith("SERVICE_HOSTS: ")


def test_faults_are_all_named(env, capsys):
    lines = faults(
        env, capsys, Settings, AUTH_PORT="0", ISSUER="ftp://x", TTL="0", LOG_LEVEL="LOUD",
    )  # fmt: skip
    assert [line.partition(":")[0] for line in lines] == [
        "AUTH_PORT", "ISSUER", "LOG_LEVEL", "DATABASE_URL", "TTL",
    ]  # fmt: skip
    assert "DATABASE_URL: is required, and missing" in lines


def test_empty_setting_is_missing(env, capsys):
    assert env(ISSUER="").issuer == "http://localhost:8080"
    assert faults(env, capsys, Settings, DATABASE_URL="") == ["DATABASE_URL: is required, and missing"]


@pytest.mark.parametrize("value", ["mysql://root:hunter2@db/x", "hunter2", "://hunter2"])
def test_faults_hide_secrets(env, capsys, value):
    with pytest.raises(SystemExit):
        env(Settings, DATABASE_URL=value)
    assert "hunter2" not in "".join(capsys.readouterr())


@pytest.fixture
def places(tmp_path):
    """What DATABASE_URL may name by mistake."""
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "notes.db").write_text("no database")
    (tmp_path / "empty.db").touch()
    (tmp_path / "pipe.db").symlink_to("/dev/null")
    return tmp_path


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "a database in memory"),
        ("sqlite:///", "a database in memory"),
        ("sqlite:///:memory:", "a database in memory"),
        ("sqlite+pysqlite:///:memory:", "a database in memory"),
        ("sqlite:///file::memory:?cache=shared&uri=true", "by its path"),
        ("sqlite:///file:x?mode=memory&uri=true", "by its path"),
        ("sqlite:///{place}/missing/x.db", "a folder that exists"),
        ("sqlite:///{place}/missing/deeper/x.db", "a folder that exists"),
        ("sqlite:///{place}/notes.db/x.db", "a folder that exists"),
        ("sqlite:///{place}/folder.db", "not a folder"),
        ("sqlite:///{place}", "not a folder"),
        ("sqlite:///{place}/notes.db", "another kind of file"),
        ("sqlite:///{place}/pipe.db", "may read and write"),
        ("sqlite:///{place}/" + "x" * 300, "can reach"),
    ],
)
def test_unusable_sqlite_database_is_refused(env, capsys, places, url, said):
    before = sorted(places.rglob("*"))

    (line,) = faults(env, capsys, Settings, DATABASE_URL=url.format(place=places))

    assert line.startswith("DATABASE_URL: must ")
    assert said in line
    assert sorted(places.rglob("*")) == before


def test_read_only_folder_is_refused(env, capsys, places, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write to every folder

    (line,) = faults(env, capsys, Settings, DATABASE_URL=f"sqlite:///{places}/new.db")

    assert line == "DATABASE_URL: must name a file in a folder that this service may write to"


@pytest.mark.parametrize("name", ["new.db", "empty.db"])
def test_new_sqlite_file_is_accepted(env, places, name):
    assert env(Settings, DATABASE_URL=f"sqlite:///{places}/{name}")


@pytest.mark.parametrize("ttl", ["0", "-1", "nan", "inf", "1e3", "1.5", "x", "315360001", "9" * 400])
def test_invalid_seconds_are_refused(env, capsys, tmp_path, ttl):
    lines = faults(env, capsys, Settings, DATABASE_URL=f"sqlite:///{tmp_path}/x.db", TTL=ttl)

    assert [line.partition(":")[0] for line in lines] == ["TTL"]


def test_ten_years_are_accepted(env, tmp_path):
    assert env(Settings, DATABASE_URL=f"sqlite:///{tmp_path}/x.db", TTL="315360000").ttl == 315_360_000


def test_repr_hides_secrets(env):
    settings = env(Settings, DATABASE_URL="postgresql://me:hunter2@db/x", DEMO_PASSWORD="hunter3")
    assert "hunter" not in f"{settings!r} {settings}"
    assert settings.database_url.get_secret_value().endswith("hunter2@db/x")


@pytest.mark.parametrize(
    "issuer", ["http://localhost:1", "http://127.8.9.1", "https://[::1]:5", "http://localhost"]
)
def test_demo_and_no_limits_on_loopback(env, issuer):
    settings = env(ISSUER=issuer, DEMO="1", RATE_LIMITS="off")
    assert settings.demo
    assert not settings.rate_limits


@pytest.mark.parametrize(
    "issuer", ["https://id.example.com", "http://10.0.0.1", "http://localhost.example.com"]
)
def test_demo_and_no_limits_elsewhere_are_refused(env, capsys, issuer):
    lines = faults(env, capsys, ISSUER=issuer, DEMO="1", RATE_LIMITS="off")
    assert lines == [
        "RATE_LIMITS: must not be off unless ISSUER is on a loopback host",
        "DEMO: must not be 1 unless ISSUER is on a loopback host",
    ]


def test_public_issuer_without_demo(env):
    assert env(ISSUER="https://id.example.com/").issuer == "https://id.example.com"


@pytest.mark.parametrize(
    "issuer",
    [
        "localhost:8080", "//localhost", "http://", "http://a b", "http://a\u00e9", "http://user:pw@localhost",
        "http://localhost?x=1", "http://localhost#x", "http://localhost?", "http://localhost:99999", "http://[::1",
        "file:///etc/passwd", "http://" + "x" * 3000,
    ],
)  # fmt: skip
def test_issuer_with_invalid_url_is_refused(env, capsys, issuer):
    assert [line.partition(":")[0] for line in faults(env, capsys, ISSUER=issuer)] == ["ISSUER"]


@pytest.mark.parametrize(
    "issuer",
    [
        "https://host.example/auth", "https://host.example/auth/", "https://host.example/a/b", "https://host.example//",
        "https://host.example/%2e", "https://host.example/.", "https://host.example/;x", "https://host.example/ ",
        " https://host.example", "https://host.example\n", "https://Host.example", "HTTPS://host.example",
        "https://host.example:443", "http://localhost:80", "https://host.example:", "https://host.example:08443",
        "https://host.example:0", "https://[::1%25eth0]", "https://user@host.example", "https://host.example?",
        "https://host.example/#", "https:host.example", "https:///auth", "https://host.example\\auth",
    ],
)  # fmt: skip
def test_issuer_not_canonical_is_refused(env, capsys, issuer):
    (line,) = faults(env, capsys, ISSUER=issuer)

    assert line.startswith("ISSUER: must ")


@pytest.mark.parametrize(
    "issuer",
    [
        "https://host.example",
        "https://host.example:8443",
        "http://localhost:8080",
        "http://[::1]:8080",
        "http://10.0.0.1",
    ],
)
def test_canonical_issuer_is_unchanged(env, issuer):
    assert env(ISSUER=issuer).issuer == issuer
    assert env(ISSUER=f"{issuer}/").issuer == issuer


def test_other_urls_may_have_path(env):
    assert env(AUTH_URL="http://Proxy.example:80/auth/").auth_url == "http://Proxy.example:80/auth"


def test_secret_file_is_read(monkeypatch, tmp_path):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "database_url").write_text("sqlite:///from-a-file.db\n")
    assert load(Settings, secrets_dir=tmp_path).database_url.get_secret_value() == "sqlite:///from-a-file.db"


def test_environment_overrides_secret_file(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "sqlite:///another.db")
    (tmp_path / "database_url").write_text("sqlite:///from-a-file.db\n")
    assert load(Settings, secrets_dir=tmp_path).database_url.get_secret_value() == "sqlite:///another.db"


def test_binary_secret_file_is_fault(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "database_url").write_bytes(b"\xff\xfe")
    with pytest.raises(SystemExit):
        load(Settings, secrets_dir=tmp_path)
    assert capsys.readouterr().err.splitlines()[1:] == ["  settings: cannot be read (SettingsError)"]


def test_keys_folder_must_exist(env, capsys, tmp_path):
    class WithKeys(ServiceSettings):
        keys_dir: KeysDir

    assert env(WithKeys, KEYS_DIR=str(tmp_path)).keys_dir == tmp_path
    assert faults(env, capsys, WithKeys, KEYS_DIR="/no/such") == ["KEYS_DIR: must name a folder that exists"]


def test_log_level_has_any_case(env):
    assert env(LOG_LEVEL="debug").log_level == "DEBUG"


def test_url_without_host_is_not_loopback():
    assert not is_loopback("http://")


def test_malformed_database_url_hides_secret(env, capsys):
    assert faults(env, capsys, Settings, DATABASE_URL="no url at all") == [
        "DATABASE_URL: must be a database URL in SQLAlchemy's form"
    ]


def test_defaults_of_document_settings(env):
    settings = env()
    assert (settings.status_fresh_within, settings.status_stale_within) == (30, 43_200)
    assert (settings.status_alert_after, settings.snapshots_dir) == (60, None)


def test_stale_within_is_at_least_fresh_within(env, capsys):
    lines = faults(env, capsys, STATUS_FRESH_WITHIN="60", STATUS_STALE_WITHIN="59")
    assert lines == ["STATUS_STALE_WITHIN: must not be shorter than STATUS_FRESH_WITHIN"]


def test_snapshots_folder_has_mode_0700(env, tmp_path):
    folder = env(SNAPSHOTS_DIR=str(tmp_path / "var" / "snapshots")).snapshots_dir
    assert folder.stat().st_mode & 0o777 == 0o700


def test_impossible_snapshots_folder_is_fault(env, capsys, tmp_path):
    (tmp_path / "file").touch()
    lines = faults(env, capsys, SNAPSHOTS_DIR=str(tmp_path / "file" / "snapshots"))
    assert lines == ["SNAPSHOTS_DIR: must name a folder, or a path where one can be made"]


def test_read_only_snapshots_folder_is_fault(env, capsys):
    lines = faults(env, capsys, SNAPSHOTS_DIR="/proc/self")
    assert lines == ["SNAPSHOTS_DIR: must name a folder that this service may write to"]


def test_fault_of_several_lines_becomes_as_many(env, capsys):
    def check(_value):
        raise ValueError("First fault\nSecond fault")

    class Checked(ServiceSettings):
        rows: Annotated[str, AfterValidator(check)]

    assert faults(env, capsys, Checked, ROWS="x") == ["ROWS: first fault", "ROWS: second fault"]


def test_trusted_proxies_are_networks(env):
    assert env().trusted_proxies == ()
    settings = env(TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.1,2001:db8::/32 ,::1")
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128",
    ]  # fmt: skip


def test_trusted_proxies_faults_are_all_named(env, capsys):
    lines = faults(env, capsys, AUTH_PORT="0", TRUSTED_PROXIES="10.0.0.1/8,::1,proxy.example,,0.0.0.0/0")
    named = ["AUTH_PORT:", *(f"TRUSTED_PROXIES: entry {number}" for number in (1, 3, 4, 5))]
    assert [line for line, name in zip(lines, named, strict=True) if not line.startswith(name)] == []

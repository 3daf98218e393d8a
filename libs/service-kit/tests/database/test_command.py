"""`python -m service_kit.database`."""

import pytest
from service_kit.database import (
    Database,
    open_database,
)
from service_kit.database.__main__ import main
from sqlalchemy import (
    text,
)


def test_command_migrates_package(package, tmp_path, monkeypatch, capsys, value):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    assert main([package]) == 0
    assert capsys.readouterr().out == f"a_service: sqlite:///{tmp_path}/x.db is up to date\n"
    assert value(Database(open_database(f"sqlite:///{tmp_path}/x.db"))) == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@127.0.0.1:1/x",
        "postgresql://me:hunter2@127.0.0.1:1/x?sslpassword=hunter2",
        "postgresql://me@127.0.0.1:1/x?password=hunter2",
        "postgresql://me:hunter2@127.0.0.1:1/x?no_such_option=1",
        "sqlite:////proc/x.db",
    ],
)
def test_command_names_unavailable_database(package, monkeypatch, capsys, url):
    monkeypatch.setenv("DATABASE_URL", url)
    assert main([package]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("a_service: cannot migrate ")
    assert "hunter2" not in line


def test_command_refuses_newer_database(package, tmp_path, monkeypatch, capsys):
    url = f"sqlite:///{tmp_path}/x.db"
    monkeypatch.setenv("DATABASE_URL", url)
    assert main([package]) == 0
    with open_database(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert main([package]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be upgraded" in line
    assert "9999" in line


def test_command_needs_database_url(package, monkeypatch, capsys):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(SystemExit) as left:
        main([package])
    assert left.value.code == 2
    assert "DATABASE_URL: is required, and missing" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no_such_package", "service_kit", "../etc", "json"])
def test_command_refuses_unknown_package(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name])
    assert left.value.code == 2
    assert "storage/migrations" in capsys.readouterr().err


def test_command_has_help(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    assert "DATABASE_URL" in capsys.readouterr().out

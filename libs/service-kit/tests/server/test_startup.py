"""The start of a service."""

import subprocess
import sys

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from service_kit.database import open_database
from service_kit.server.startup import start


class Settings(BaseSettings):
    """Settings that always are right."""

    database_url: SecretStr = SecretStr("postgresql+psycopg://user:hunter2@127.0.0.1:1/none")


class BadKeyError(Exception):
    """A fault of some service's own."""


def test_start_returns_app():
    assert start(lambda settings: (settings, "app"), Settings)[1] == "app"


def test_unavailable_database_is_named_without_password(capsys):
    def create_app(settings):
        open_database(settings.database_url).connect()

    with pytest.raises(SystemExit) as leaving:
        start(create_app, Settings)
    said = capsys.readouterr().err
    assert leaving.value.code == 3
    reason = "The service cannot start: the database of DATABASE_URL cannot be used: no server answers at this address ("
    assert said.startswith(reason)
    assert said.count("\n") == 1
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "error", [BadKeyError("signing/x.pem can be read by others"), PermissionError("keys/")]
)
def test_own_fault_is_printed(error, capsys):
    def create_app(_settings):
        raise error

    with pytest.raises(SystemExit) as leaving:
        start(create_app, Settings, faults=(BadKeyError,))
    assert leaving.value.code == 3
    assert capsys.readouterr().err == f"The service cannot start: {error}\n"


def test_other_error_is_raised():
    def create_app(_settings):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        start(create_app, Settings)


def test_objects_of_start_are_frozen():
    code = (
        "import gc; from pydantic_settings import BaseSettings; from service_kit.server.startup import start;"
        "start(lambda _: gc.get_freeze_count(), BaseSettings) or print(gc.get_freeze_count() > 10_000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"

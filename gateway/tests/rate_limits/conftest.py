import pytest
from testkit.valkey import ValkeyServer


@pytest.fixture(scope="module")
def valkey_server():
    with ValkeyServer() as server:
        yield server

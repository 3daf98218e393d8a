import pytest
from testkit.http_client import HttpClient
from testkit.upstream import FakeUpstream


@pytest.fixture
def upstream():
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def client(upstream):
    client = HttpClient(upstream.url)
    yield client
    client.close()

"""auth-service with two more clients, and its key rotation."""

import pytest

from .helpers import APPS, PARTNER, keys


@pytest.fixture
def app(make_app, tmp_path):
    clients = tmp_path / "registry.toml"
    clients.write_text(PARTNER + APPS)
    return make_app(registry_file=clients)


@pytest.fixture
def rotate_twice(app, clock):
    """`rotate_twice()`: two rotations, after each of which the old key is removed."""

    def rotate():
        for _ in range(2):
            clock.advance(1000)
            keys(app, "rotate")
            clock.advance(1000)
            assert "removed " in keys(app, "prune")

    return rotate

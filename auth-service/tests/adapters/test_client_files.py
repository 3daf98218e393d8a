"""Clients of TOML files."""

import pytest
from auth_service.adapters.client_files import read_clients
from auth_service.domain.oauth.errors import InvalidClientMetadata


def test_client_with_unknown_setting_is_named():
    with pytest.raises(InvalidClientMetadata, match="client shop: colour"):
        read_clients('[clients.shop]\nname = "Shop"\nconfidential = true\ncolour = "red"')

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError
from service_kit.http_client.client_key import client_key, with_client_key
from service_kit.settings import KeysDir
from testkit.keys import write_client_key


def validate(folder):
    return TypeAdapter(Annotated[KeysDir, with_client_key("stock-service")]).validate_python(folder)


def test_folder_with_key_is_accepted(tmp_path):
    write_client_key(tmp_path, "stock-service")

    assert validate(tmp_path) == tmp_path


@pytest.mark.parametrize("content", [None, b"no key"])
def test_folder_without_key_is_refused(tmp_path, content):
    key = client_key(tmp_path, "stock-service")
    key.parent.mkdir()
    if content is not None:
        key.write_bytes(content)

    with pytest.raises(ValidationError, match=r"must hold the RSA key clients/stock-service\.pem"):
        validate(tmp_path)

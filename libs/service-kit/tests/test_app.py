"""Apps made by `create_api`."""

import pytest
from flask import Response
from service_kit.app import create_api


@pytest.mark.parametrize("path", ["//livez", "/livez/", "/LIVEZ"])
def test_path_in_other_spelling_is_404(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("view", [lambda: ("", 200), lambda: ("", 204), lambda: Response(status=202)])
def test_empty_response_has_no_content_type(settings, view):
    app = create_api("x", settings, title="X", version="1")
    app.add_url_rule("/empty", view_func=view)
    assert "Content-Type" not in app.test_client().get("/empty").headers


def test_head_response_keeps_content_type(client):
    answer = client.head("/livez")
    assert (answer.data, answer.content_type) == (b"", "application/json")


def test_stream_keeps_content_type(settings):
    app = create_api("x", settings, title="X", version="1")
    app.add_url_rule("/stream", view_func=lambda: Response(iter([b"a"]), mimetype="text/plain"))
    assert app.test_client().get("/stream").mimetype == "text/plain"

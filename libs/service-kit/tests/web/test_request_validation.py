"""Validation of requests."""

import json

import pytest
from pydantic import BaseModel, ConfigDict
from service_kit.web.request_validation import validated

JSON = {"content_type": "application/json"}


class Options(BaseModel):
    model_config = ConfigDict(openapi_extra={"required": False})
    deep: bool = False


def test_valid_body_reaches_view(client):
    assert client.post("/things", json={"name": "a", "count": 2}).json == {"name": "a", "count": 2}


@pytest.mark.parametrize("path", ["/things", "/plain"])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nope", b'{"name": NaN}', b'{"name": "a", "count": Infinity}', b'{"name": "a", "name": "b"}',
        b'{"name": "\xff"}', b'{"name": "a"} {}', b"[" * 30_000, b'{"x":' * 9_000, b'{"name": "\\ud800"}',
    ],
)  # fmt: skip
def test_body_not_strict_json_is_400(client, path, body, slug):
    answer = client.post(path, data=body, **JSON)
    assert (answer.status_code, slug(answer)) == (400, "malformed_json")


@pytest.mark.parametrize("path", ["/things", "/plain"])
@pytest.mark.parametrize(
    "body", ["null", "1", "true", '"x"', json.dumps('{"name": "smuggled in a string"}'), "[]", "{}"]
)
def test_invalid_json_members_are_422(client, path, body, slug):
    answer = client.post(path, data=body, **JSON)
    assert (answer.status_code, slug(answer)) == (422, "invalid_request")


@pytest.mark.parametrize("path", ["/things", "/plain"])
def test_faults_are_listed_without_values(client, path):
    answer = client.post(path, json={"name": 7, "secret": 424242, "other": "hunter2", "count": "x"})
    faults = json.loads(answer.data)["errors"]
    assert {fault["where"].removeprefix("body.") for fault in faults} == {"name", "secret", "other", "count"}
    assert "hunter2" not in answer.text
    assert "424242" not in answer.text


def test_list_of_faults_is_bounded(client):
    answer = client.post("/things", json={f"x{n}": n for n in range(500)})
    assert len(json.loads(answer.data)["errors"]) == 20


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_other_content_type_is_415(client, kind, slug):
    answer = client.post("/things", data=b'{"name": "a"}', content_type=kind)
    assert (answer.status_code, slug(answer)) == (415, "unsupported_media_type")


def test_body_above_64_kib_is_413(client, slug):
    def body(size: int) -> bytes:
        return b'{"name": "' + b"x" * (size - 12) + b'"}'

    assert client.post("/things", data=body(65536), **JSON).status_code == 200
    answer = client.post("/things", data=body(65537), **JSON)
    assert (answer.status_code, slug(answer)) == (413, "content_too_large")


@pytest.mark.parametrize(("size", "status"), [(65536, 415), (65537, 413), (5_000_000, 413)])
def test_body_without_length_is_bounded(client, size, status):
    from io import BytesIO

    stream = BytesIO(b"x" * size)
    answer = client.post("/things", input_stream=stream, environ_base={"wsgi.input_terminated": True})
    assert answer.status_code == status
    assert stream.tell() <= 65537


def test_path_and_query_are_validated(client, slug):
    assert client.get("/things/7?limit=3&tag=a&tag=b").json == {"number": 7, "limit": 3, "tag": ["a", "b"]}
    for wrong in ("/things/x", "/things/7?limit=x", "/things/7?limit=1&limit=2"):
        assert slug(client.get(wrong)) == "invalid_request"


@pytest.mark.parametrize(
    "body", [{"name": "\0"}, {"name": "a\0b"}, {"name": "a", "\0": 1}, {"name": "a", "x": [{"y": ["\0"]}]}]
)
def test_json_with_nul_is_422(client, body, slug):
    answer = client.post("/things", json=body)
    assert (answer.status_code, slug(answer)) == (422, "invalid_request")
    assert answer.json["errors"] == [{"where": "body", "what": "must not contain the character U+0000"}]


def test_escaped_backslash_is_no_nul(client):
    assert client.post("/things", json={"name": "\\u0000"}).json["name"] == "\\u0000"


@pytest.mark.parametrize(
    ("sent", "status"), [({}, 200), ({"json": {}}, 200), ({"data": b"{}"}, 415), ({"json": {"deep": 5}}, 422)]
)
def test_optional_body_is_validated_if_sent(app, sent, status):
    @app.post("/options")
    @validated
    def options(body: Options):
        return {"deep": body.deep}

    client = app.test_client()

    assert client.post("/options", **sent).status_code == status
    assert not client.get("/openapi.json").json["paths"]["/options"]["post"]["requestBody"]["required"]

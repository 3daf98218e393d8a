import json
import re

import pytest
from flask import Response
from service_kit.app import create_api
from service_kit.errors import ExchangeRefused, UpstreamUnavailable
from service_kit.web.problems import ProblemType
from sqlalchemy.exc import DataError, OperationalError
from testkit.token_verifier import FakeTokenVerifier
from touchstone import DocumentStats
from werkzeug.exceptions import TooManyRequests

JSON = {"content_type": "application/json"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def slug(answer) -> str:
    assert answer.content_type == "application/problem+json"
    body = json.loads(answer.data)
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return body["type"].removeprefix("urn:touchstone:problem:")


def test_the_process_is_alive(client):
    assert client.get("/livez").json == {"status": "alive"}


def test_with_nothing_to_wait_for_it_is_ready(client):
    assert client.get("/readyz").json == {"status": "ready"}


def test_a_check_that_does_not_hold_makes_it_unready(settings):
    app = create_api(
        "x", settings, title="X", version="1", checks={"db": lambda: "asleep", "ok": lambda: None}
    )
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "unready", "reasons": {"db": "asleep"}})


def test_an_issuer_is_a_check_of_its_own(settings):
    tokens = FakeTokenVerifier("x")
    tokens.keys = False
    app = create_api("x", settings, title="X", version="1", issuer=tokens)
    assert app.test_client().get("/readyz").json["reasons"] == {"issuer": "no signing keys of the issuer yet"}


@pytest.mark.parametrize("ready", [True, False])
def test_what_is_followed_of_an_issuer_is_told_whether_ready_or_not(settings, ready):
    tokens = FakeTokenVerifier("x")
    tokens.keys = ready
    tokens.documents.found = [DocumentStats("jwks", 1.5, 1, 4, 2, 1, 2, "ConnectionError")]
    client = create_api("x", settings, title="X", version="1", issuer=tokens).test_client()
    assert client.get("/readyz").json["documents"] == {
        "jwks": {
            "age": 1.5, "version": 1, "fetches": 4, "unchanged": 2, "failures": 1, "waits": 2,
            "last_error": "ConnectionError",
        }
    }  # fmt: skip
    assert 'touchstone_document_age_seconds{document="jwks"} 1.5' in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/breaks", "/openapi.json"])
def test_every_answer_carries_a_new_request_id(client, path):
    assert UUID.fullmatch(client.get(path).headers["X-Request-ID"])


def test_a_proper_request_id_is_kept(client):
    answer = client.get("/nowhere", headers={"X-Request-ID": "abc.DEF_1-2"})
    assert answer.headers["X-Request-ID"] == "abc.DEF_1-2"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a/b", "<script>", "\u00e9"])
def test_any_other_request_id_is_replaced(client, given):
    answer = client.get("/livez", headers={"X-Request-ID": given})
    assert UUID.fullmatch(answer.headers["X-Request-ID"])


def test_an_unknown_path_is_404(client):
    answer = client.get("/nowhere")
    assert (answer.status_code, slug(answer)) == (404, "not_found")


@pytest.mark.parametrize("path", ["//livez", "/livez/", "/LIVEZ"])
def test_a_path_has_one_spelling(client, path):
    assert client.get(path).status_code == 404


def test_another_method_is_405_with_allow(client):
    answer = client.put("/things")
    assert (answer.status_code, slug(answer)) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_an_unknown_error_is_an_opaque_500(client, capsys):
    answer = client.get("/breaks")
    assert (answer.status_code, slug(answer)) == (500, "internal_error")
    assert "secret of the inside" not in answer.text
    assert "secret of the inside" in capsys.readouterr().out


def test_a_proper_body_reaches_the_view(client):
    assert client.post("/things", json={"name": "a", "count": 2}).json == {"name": "a", "count": 2}


@pytest.mark.parametrize("path", ["/things", "/plain"])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nope", b'{"name": NaN}', b'{"name": "a", "count": Infinity}', b'{"name": "a", "name": "b"}',
        b'{"name": "\xff"}', b'{"name": "a"} {}', b"[" * 30_000, b'{"x":' * 9_000, b'{"name": "\\ud800"}',
    ],
)  # fmt: skip
def test_a_body_that_is_not_strict_json_is_400(client, path, body):
    answer = client.post(path, data=body, **JSON)
    assert (answer.status_code, slug(answer)) == (400, "malformed_json")


@pytest.mark.parametrize("path", ["/things", "/plain"])
@pytest.mark.parametrize(
    "body", ["null", "1", "true", '"x"', json.dumps('{"name": "smuggled in a string"}'), "[]", "{}"]
)
def test_json_of_another_form_is_422(client, path, body):
    answer = client.post(path, data=body, **JSON)
    assert (answer.status_code, slug(answer)) == (422, "invalid_request")


@pytest.mark.parametrize("path", ["/things", "/plain"])
def test_faults_are_listed_without_the_values(client, path):
    answer = client.post(path, json={"name": 7, "secret": 424242, "other": "hunter2", "count": "x"})
    faults = json.loads(answer.data)["errors"]
    assert {fault["where"].removeprefix("body.") for fault in faults} == {"name", "secret", "other", "count"}
    assert "hunter2" not in answer.text
    assert "424242" not in answer.text


def test_the_list_of_faults_is_bounded(client):
    answer = client.post("/things", json={f"x{n}": n for n in range(500)})
    assert len(json.loads(answer.data)["errors"]) == 20


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_another_content_type_is_415(client, kind):
    answer = client.post("/things", data=b'{"name": "a"}', content_type=kind)
    assert (answer.status_code, slug(answer)) == (415, "unsupported_media_type")


def test_a_body_of_64_kib_is_read_and_one_byte_more_is_413(client):
    def body(size: int) -> bytes:
        return b'{"name": "' + b"x" * (size - 12) + b'"}'

    assert client.post("/things", data=body(65536), **JSON).status_code == 200
    answer = client.post("/things", data=body(65537), **JSON)
    assert (answer.status_code, slug(answer)) == (413, "content_too_large")


@pytest.mark.parametrize(("size", "status"), [(65536, 415), (65537, 413), (5_000_000, 413)])
def test_a_body_without_a_length_is_bounded_too(client, size, status):
    from io import BytesIO

    stream = BytesIO(b"x" * size)
    answer = client.post("/things", input_stream=stream, environ_base={"wsgi.input_terminated": True})
    assert answer.status_code == status
    assert stream.tell() <= 65537


def test_path_and_query_are_validated(client):
    assert client.get("/things/7?limit=3&tag=a&tag=b").json == {"number": 7, "limit": 3, "tag": ["a", "b"]}
    for wrong in ("/things/x", "/things/7?limit=x", "/things/7?limit=1&limit=2"):
        assert slug(client.get(wrong)) == "invalid_request"


@pytest.mark.parametrize(
    "body", [{"name": "\0"}, {"name": "a\0b"}, {"name": "a", "\0": 1}, {"name": "a", "x": [{"y": ["\0"]}]}]
)
def test_json_with_nul_is_422(client, body):
    answer = client.post("/things", json=body)
    assert (answer.status_code, slug(answer)) == (422, "invalid_request")
    assert answer.json["errors"] == [{"where": "body", "what": "must not contain the character U+0000"}]


def test_what_only_looks_like_nul_is_no_fault(client):
    assert client.post("/things", json={"name": "\\u0000"}).json["name"] == "\\u0000"


class OddError(Exception):
    retry_after = 2.4
    extra = {"colour": "blue", "status": 1}  # noqa: RUF012


class OdderError(OddError):
    pass


class OddestError(OddError):
    pass


ROWS = {
    OddError: ProblemType(409, "odd", "It is odd"),
    OddestError: ProblemType(410, "oddest", "OdderError than odd", "no details"),
}


@pytest.fixture
def raising(settings):
    app = create_api("x", settings, title="X", version="1", problems=ROWS)
    errors = {}

    @app.route("/<name>")
    def fail(name):
        raise errors[name]

    def answer(error):
        errors["error"] = error
        return app.test_client().get("/error")

    return answer


def test_a_row_names_status_title_and_type_and_the_error_the_rest(raising):
    answer = raising(OddError("in words"))
    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (409, "odd", "2")
    body = json.loads(answer.data)
    assert (body["title"], body["detail"], body["colour"]) == ("It is odd", "in words", "blue")


def test_a_row_speaks_for_subclasses_unless_they_have_their_own(raising):
    assert slug(raising(OdderError("x"))) == "odd"
    answer = raising(OddestError("words for nobody"))
    assert (slug(answer), json.loads(answer.data)["detail"]) == ("oddest", "no details")


def test_a_missing_upstream_is_503_with_retry_after(raising):
    answer = raising(UpstreamUnavailable("users-service", 7))
    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (
        503,
        "upstream_unavailable",
        "7",
    )


def test_a_refused_exchange_is_403_and_keeps_the_mints_words_inside(raising):
    answer = raising(ExchangeRefused("invalid_target", "words of the mint"))
    assert (answer.status_code, slug(answer)) == (403, "exchange_refused")
    assert "words of the mint" not in answer.text


def test_a_database_that_does_not_answer_is_503_and_shows_no_sql(raising):
    answer = raising(OperationalError("SELECT secret", {}, Exception("x")))
    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (
        503,
        "storage_unavailable",
        "1",
    )
    assert "SELECT" not in answer.text


def test_an_outage_of_the_database_is_one_line_of_the_log_with_the_drivers_words_alone(raising, capsys):
    raising(OperationalError("SELECT secret", {}, Exception("database is locked\nsecond line")))
    log = capsys.readouterr().out
    assert "Exception: database is locked" in log
    assert not any(word in log for word in ("Traceback", "SELECT", "second line"))


def test_an_http_error_keeps_its_headers(raising):
    answer = raising(TooManyRequests("slow down", retry_after=9))
    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (
        429,
        "too_many_requests",
        "9",
    )


def test_a_value_that_no_column_can_hold_is_422_and_shows_no_sql(raising):
    answer = raising(DataError("SELECT secret", {}, Exception("NUL")))
    assert (answer.status_code, slug(answer)) == (422, "invalid_request")
    assert not any(word in answer.text for word in ("SELECT", "NUL"))


@pytest.mark.parametrize("view", [lambda: ("", 200), lambda: ("", 204), lambda: Response(status=202)])
def test_an_answer_without_a_body_has_no_content_type(settings, view):
    app = create_api("x", settings, title="X", version="1")
    app.add_url_rule("/empty", view_func=view)
    assert "Content-Type" not in app.test_client().get("/empty").headers


def test_an_answer_to_head_keeps_the_content_type(client):
    answer = client.head("/livez")
    assert (answer.data, answer.content_type) == (b"", "application/json")


def test_a_stream_keeps_its_content_type(settings):
    app = create_api("x", settings, title="X", version="1")
    app.add_url_rule("/stream", view_func=lambda: Response(iter([b"a"]), mimetype="text/plain"))
    assert app.test_client().get("/stream").mimetype == "text/plain"


def test_a_ready_answer_passes_as_it_is(settings):
    from flask import abort, redirect

    app = create_api("x", settings, title="X", version="1")
    app.add_url_rule("/go", view_func=lambda: abort(redirect("/there")))
    assert app.test_client().get("/go").headers["Location"] == "/there"


def test_metrics_count_by_rule_and_never_by_path(client):
    client.get("/things/1")
    client.get("/things/2")
    client.get("/secret/path")
    client.open("/things", method="BREW")
    text = client.get("/metrics").text
    assert 'http_requests_total{method="GET",route="/things/<number>",status="200"} 2.0' in text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'method="other"' in text
    assert 'http_request_duration_seconds_count{route="/things/<number>"} 2.0' in text
    assert "process_cpu_seconds_total" in text
    assert "secret" not in text


def test_many_apps_in_one_process_do_not_disturb_one_another(settings):
    first, second = (create_api("x", settings, title="X", version="1").test_client() for _ in range(2))
    first.get("/livez")
    assert 'route="/livez"' not in second.get("/metrics").text


def test_the_openapi_document_speaks_of_problems(client):
    document = client.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Test", "version": "1.2.3"}
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    responses = document["paths"]["/things"]["post"]["responses"]
    assert {"400", "401", "403", "413", "415", "422", "default"} <= set(responses)
    assert set(responses["422"]["content"]) == {"application/problem+json"}
    assert "422" not in document["paths"]["/livez"]["get"]["responses"]


def test_every_reference_of_the_openapi_document_leads_somewhere(client):
    document = client.get("/openapi.json").json
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        at = document
        for part in reference.split("/"):
            at = at[part]


def test_no_page_and_no_asset_is_served(app):
    rules = {str(rule) for rule in app.url_map.iter_rules()}
    assert rules == {
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/things",
        "/things/<number>",
        "/plain",
        "/breaks",
    }

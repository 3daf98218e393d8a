"""Error responses."""

import json

import pytest
from service_kit.app import create_api
from service_kit.errors import ExchangeRefused, UpstreamUnavailable
from service_kit.web.problems import ProblemType
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import TooManyRequests


def test_unknown_path_is_404(client, slug):
    answer = client.get("/nowhere")
    assert (answer.status_code, slug(answer)) == (404, "not_found")


def test_other_method_is_405_with_allow(client, slug):
    answer = client.put("/things")
    assert (answer.status_code, slug(answer)) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_unknown_error_is_opaque_500(client, capsys, slug):
    answer = client.get("/breaks")
    assert (answer.status_code, slug(answer)) == (500, "internal_error")
    assert "secret of the inside" not in answer.text
    assert "secret of the inside" in capsys.readouterr().out


class OddError(Exception):
    retry_after = 2.4
    extra = {"colour": "blue", "status": 1}  # noqa: RUF012 - as a service would write it


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


def test_row_and_error_make_problem(raising, slug):
    answer = raising(OddError("in words"))
    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (409, "odd", "2")
    body = json.loads(answer.data)
    assert (body["title"], body["detail"], body["colour"]) == ("It is odd", "in words", "blue")


def test_row_covers_subclasses_without_row(raising, slug):
    assert slug(raising(OdderError("x"))) == "odd"
    answer = raising(OddestError("text for the log"))
    assert (slug(answer), json.loads(answer.data)["detail"]) == ("oddest", "no details")


def test_unavailable_upstream_is_503_with_retry_after(raising, slug):
    answer = raising(UpstreamUnavailable("users-service", 7))
    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (
        503,
        "upstream_unavailable",
        "7",
    )


def test_refused_exchange_is_403_without_details(raising, slug):
    answer = raising(ExchangeRefused("invalid_target", "text of auth-service"))
    assert (answer.status_code, slug(answer)) == (403, "exchange_refused")
    assert "text of auth-service" not in answer.text


def test_unavailable_database_is_503_without_sql(raising, slug):
    answer = raising(OperationalError("SELECT secret", {}, Exception("x")))
    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (
        503,
        "storage_unavailable",
        "1",
    )
    assert "SELECT" not in answer.text


def test_database_outage_is_one_log_line(raising, capsys):
    raising(OperationalError("SELECT secret", {}, Exception("database is locked\nsecond line")))
    log = capsys.readouterr().out
    assert "Exception: database is locked" in log
    assert not any(word in log for word in ("Traceback", "SELECT", "second line"))


def test_http_error_keeps_headers(raising, slug):
    answer = raising(TooManyRequests("slow down", retry_after=9))
    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (
        429,
        "too_many_requests",
        "9",
    )


def test_unfit_value_is_422_without_sql(raising, slug):
    answer = raising(DataError("SELECT secret", {}, Exception("NUL")))
    assert (answer.status_code, slug(answer)) == (422, "invalid_request")
    assert not any(word in answer.text for word in ("SELECT", "NUL"))


def test_aborted_response_is_unchanged(settings):
    from flask import abort, redirect

    app = create_api("x", settings, title="X", version="1")
    app.add_url_rule("/go", view_func=lambda: abort(redirect("/there")))
    assert app.test_client().get("/go").headers["Location"] == "/there"

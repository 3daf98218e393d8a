"""Calling the Flask app from ASGI."""

from gateway.flask_app import call_wsgi


def test_wsgi_response_is_closed():
    closed = []

    class Parts(list):
        def close(self):
            closed.append(True)

    def app(environ, start_response):
        start_response("200 OK", [("X-Type", environ["CONTENT_TYPE"])])
        return Parts([environ["wsgi.input"].read()])

    scope = {
        "method": "POST",
        "http_version": "1.1",
        "scheme": "http",
        "raw_path": b"/",
        "query_string": b"",
        "server": ("a", 1),
        "client": ("b", 2),
        "headers": [(b"content-type", b"text/x")],
    }
    assert call_wsgi(app, scope, b"body") == (200, [(b"x-type", b"text/x")], b"body")
    assert closed

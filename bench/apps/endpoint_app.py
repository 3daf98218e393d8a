"""A Flask app with one endpoint and different guards, served by bench/endpoint.py."""

import os
import time

import jwt
from flask import Flask, abort, request
from jwt import PyJWK
from touchstone import Issuer
from touchstone.flask import Touchstone, require

app = Flask(__name__)
issuer = Issuer(os.environ["BENCH_ISSUER"], audience="bench", backchannel=os.environ["BENCH_BACKCHANNEL"])
Touchstone(app, issuer)
key = PyJWK.from_json(os.environ["BENCH_JWK"])
ANSWER = {"items": [{"id": n, "name": "a thing", "price_cents": 1999} for n in range(10)]}


def endpoint() -> dict[str, object]:
    """Return about 500 bytes of JSON."""
    return ANSWER


def with_pyjwt() -> dict[str, object]:
    """Return the same after decoding with PyJWT on every request, as in most tutorials."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    jwt.decode(token, key, algorithms=["RS256"], audience="bench", issuer=os.environ["BENCH_ISSUER"])
    return ANSWER


app.add_url_rule("/open", "open", endpoint)
app.add_url_rule("/touchstone", "touchstone", require("orders:read")(endpoint))
app.add_url_rule("/pyjwt", "pyjwt", with_pyjwt)

if "BENCH_REDIS_PORT" in os.environ:
    import redis

    sessions = redis.Redis(host="127.0.0.1", port=int(os.environ["BENCH_REDIS_PORT"]))

    @app.get("/session")
    def with_session() -> dict[str, object]:
        """Return the same after a look-up in a session store on every request."""
        if sessions.get(f"session:{request.cookies['session']}") is None:
            abort(401)
        return ANSWER


if "BENCH_INTROSPECTION" in os.environ:
    import requests

    introspection = requests.Session()
    introspection.auth = ("bench", os.environ["BENCH_SECRET"])
    introspection.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=8))  # one for each thread

    @app.get("/introspection")
    def with_introspection() -> dict[str, object]:
        """Return the same after introspection of the token (RFC 7662)."""
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if not introspection.post(os.environ["BENCH_INTROSPECTION"], data={"token": token}).json()["active"]:
            abort(401)
        return ANSWER

    active: dict[str, tuple[float, bool]] = {}  # until when an answer counts, by the token

    @app.get("/introspection-cached")
    def with_cached_introspection() -> dict[str, object]:
        """Return the same after introspection of the token, whose answer is kept for BENCH_CACHE_SECONDS."""
        token = request.headers["Authorization"].removeprefix("Bearer ")
        until, answer = active.get(token, (0.0, False))
        if time.monotonic() >= until:
            answer = introspection.post(os.environ["BENCH_INTROSPECTION"], data={"token": token}).json()[
                "active"
            ]
            active[token] = time.monotonic() + float(os.environ["BENCH_CACHE_SECONDS"]), answer
        if not answer:
            abort(401)
        return ANSWER

"""A simple gateway: a Flask view that forwards with `requests`, without token check or limits."""

import os

import requests
from flask import Flask, Response, request

HOP_BY_HOP = {
    "connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "te", "trailer", "upgrade", "host",
}  # fmt: skip

app = Flask(__name__)


@app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def forward(path: str) -> Response:
    """Pass the request on, and the response back."""
    answer = requests.request(
        method=request.method,
        url=f"{os.environ['BENCH_UPSTREAM']}/{path}",
        params=request.args,
        headers={name: value for name, value in request.headers if name.lower() not in HOP_BY_HOP},
        data=request.get_data(),
        cookies=request.cookies,
        allow_redirects=False,
        timeout=5,
    )
    kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
    return Response(answer.content, answer.status_code, kept)

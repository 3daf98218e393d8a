"""CORS at the endpoints that applications in browsers call: the registered origins of public clients.

The response to a preflight depends on the origin alone, for a preflight names no client. An actual response may be read
by pages of its own client. The gateway reads the decision from `Access-Control-Allow-Origin` and adds its own headers.
"""

from typing import Final

from flask import Flask, Response, g, request
from service_kit.web.problems import problem

from auth_service.web.dependencies import UseCases

METHODS: Final = {"/oauth/token": "POST", "/oauth/revoke": "POST", "/oauth/userinfo": "GET, POST"}
MAX_AGE_SECONDS = 600


def install(app: Flask, use_cases: UseCases) -> None:
    """Answer preflights of these endpoints, and add the header to the responses that `allow_origin` has allowed."""

    @app.before_request
    def answer_preflight() -> Response | None:
        origin = request.headers.get("Origin")
        preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if origin is None or not preflight or request.path not in METHODS:
            return None
        if not use_cases.client_origins.is_registered(origin):
            return problem(403, "origin_not_allowed", "The origin is not registered for any client")
        g.allowed_origin = origin
        headers = {
            "Access-Control-Allow-Methods": METHODS[request.path],
            "Access-Control-Allow-Headers": "authorization, content-type",
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
        }
        return Response(status=204, headers=headers)

    @app.after_request
    def add_headers(response: Response) -> Response:
        if request.path in METHODS:
            response.vary.add("Origin")
            if (origin := g.get("allowed_origin")) is not None:
                response.headers["Access-Control-Allow-Origin"] = origin
        return response


def allow_origin(use_cases: UseCases, client_id: str) -> None:
    """Let the page that sent this request read the response if its origin belongs to the client."""
    origin = request.headers.get("Origin")
    if origin is not None and use_cases.client_origins.belongs_to(client_id, origin):
        g.allowed_origin = origin

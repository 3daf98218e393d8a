"""The OpenAPI document of the gateway's own routes, and what the gateway adds to the operations of the services."""

from typing import Any, Final

from service_kit.web.openapi import PROBLEM_SCHEMA, problem_response

from gateway.errors import PROBLEM_TYPES

COOKIE_SCHEME: Final[dict[str, str]] = {
    "type": "apiKey",
    "in": "cookie",
    "name": "session",
    "description": (
        "The browser session: log in at /bff/login, and the browser sends the cookie by itself (`__Host-session` with "
        "https). Methods other than GET and HEAD also need the header `X-Requested-With: touchstone`. A request with an "
        "Authorization header uses that instead."
    ),
}
# The gateway's answers on any route.
GATEWAY_RESPONSES: Final = {
    "429": problem_response(
        "Too many requests; Retry-After says when to try again.", PROBLEM_TYPES["too_many_requests"]
    ),
    "503": problem_response("A required service is not available.", PROBLEM_TYPES["upstream_unavailable"]),
}
_PAGE: Final = {"text/html": {"schema": {"type": "string"}}}
_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_TO_PAGE: Final = {"description": "A redirect.", "headers": {"Location": {"schema": _TEXT}}}
_NEXT: Final = {
    "name": "next",
    "in": "query",
    "description": "The path of this gateway to go to after the log-in; anything else is ignored.",
    "schema": {"type": "string", "default": "/"},
    "example": "/docs",
}
_OFF: Final = problem_response("The operator has not set BFF_KEYS.", PROBLEM_TYPES["browser_sessions_off"])
_SESSION: Final = {
    "type": "object",
    "required": ["authenticated"],
    "properties": {
        "authenticated": {"type": "boolean"},
        "sub": _TEXT,
        "name": _TEXT,
        "email": _TEXT,
        "roles": _TEXTS,
        "scopes": _TEXTS,
        "expires_at": {"type": "integer", "description": "When the access token expires, in Unix seconds."},
        "claims": {"type": "object", "description": "The access token's claims."},
        "header": {"type": "object", "description": "The access token's header."},
    },
}
_SESSION_EXAMPLE: Final = {
    "authenticated": True,
    "sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
    "name": "Alice Example",
    "email": "alice@example.com",
    "roles": ["customer"],
    "scopes": ["orders:read", "orders:write", "profile:read", "profile:write"],
    "expires_at": 1775001600,
    "claims": {"iss": "http://localhost:8080", "aud": ["auth-service"]},
    "header": {"alg": "RS256", "typ": "at+jwt", "kid": "k1"},
}
_CLUSTER: Final = {
    "type": "object",
    "required": ["issuer", "version", "demo", "demo_accounts", "demo_password", "can_stop", "stopped"],
    "properties": {
        "issuer": _TEXT,
        "version": _TEXT,
        "demo": {"type": "boolean"},
        "demo_accounts": {
            "type": "array",
            "items": {"type": "object", "required": ["email"], "properties": {"email": _TEXT}},
        },
        "demo_password": {"type": ["string", "null"], "description": "Only the published one."},
        "can_stop": {**_TEXTS, "description": "The services that the console can stop and start."},
        "stopped": _TEXTS,
    },
}
_READY: Final = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": _TEXT,
        "reasons": {"type": "object", "additionalProperties": _TEXT, "description": "Why not, by check."},
        "documents": {"type": "object", "description": "The state of the documents of the issuer."},
    },
}


def _json(description: str, schema: Any, example: Any = None) -> dict[str, Any]:
    media = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"description": description, "content": {"application/json": media}}


def _operation(tag: str, name: str, summary: str, responses: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"tags": [tag], "operationId": name, "summary": summary, "responses": responses, **others}


def gateway_document() -> dict[str, Any]:
    """Return the document of the gateway's own routes; those that routes.toml lacks are left out when it is joined."""
    session, about = "browser session", "about"
    status = {"type": "object", "required": ["status"], "properties": {"status": _TEXT}}
    back = {"302": _TO_PAGE}
    callback = [
        {"name": name, "in": "query", "description": about_it, "schema": _TEXT}
        for name, about_it in (
            ("code", "The authorization code."),
            ("state", "The value that the authorization request had."),
            ("iss", "The issuer (RFC 9207)."),
            ("error", "Why there is no code (RFC 6749 section 4.1.2.1)."),
        )
    ]
    return {
        "tags": [
            {"name": session, "description": "Log-in of browsers with a cookie that no script can read."},
            {"name": about, "description": "This gateway, and the description of its routes."},
        ],
        "paths": {
            "/bff/login": {
                "get": _operation(
                    session,
                    "bffLogin",
                    "Redirect to the log-in page.",
                    {**back, "default": _OFF},
                    parameters=[_NEXT],
                )
            },
            "/bff/callback": {
                "get": _operation(
                    session,
                    "bffCallback",
                    "End the log-in: set the cookie and redirect to the path that the log-in began with.",
                    {
                        **back,
                        "400": {"description": "The log-in was not begun in this browser.", "content": _PAGE},
                        "default": _OFF,
                    },
                    parameters=callback,
                )
            },
            "/bff/session": {
                "get": _operation(
                    session,
                    "bffSession",
                    "Return who is logged in, or that no one is; never a token.",
                    {"200": _json("The session.", _SESSION, _SESSION_EXAMPLE), "default": _OFF},
                    security=[{"session": []}, {}],
                )
            },
            "/bff/logout": {
                "post": _operation(
                    session,
                    "bffLogout",
                    "End the session everywhere, and delete the cookie.",
                    {
                        "204": {"description": "There is no session any more."},
                        "403": problem_response(
                            "Another site can have caused the request.", PROBLEM_TYPES["cross_site_request"]
                        ),
                        "default": _OFF,
                    },
                    security=[{"session": []}],
                )
            },
            "/console/cluster": {
                "get": _operation(
                    about,
                    "cluster",
                    "Return what the console shows before a log-in.",
                    {"200": _json("The cluster.", _CLUSTER)},
                )
            },
            "/": {
                "get": _operation(
                    about,
                    "console",
                    "Return the console.",
                    {"200": {"description": "A page.", "content": _PAGE}},
                )
            },
            "/docs": {
                "get": _operation(
                    about,
                    "docs",
                    "Return this description as a page.",
                    {"200": {"description": "A page.", "content": _PAGE}},
                )
            },
            "/openapi.json": {
                "get": _operation(
                    about,
                    "openapi",
                    "Return this description.",
                    {"200": _json("OpenAPI 3.1.", {"type": "object"})},
                )
            },
            "/livez": {
                "get": _operation(
                    about,
                    "livez",
                    "Return 200 while the process is up.",
                    {"200": _json("The process is up.", status, {"status": "alive"})},
                )
            },
            "/readyz": {
                "get": _operation(
                    about,
                    "readyz",
                    "Return whether the gateway can serve, and why not.",
                    {
                        "200": _json("Ready.", _READY, {"status": "ready", "documents": {}}),
                        "503": _json(
                            "Not ready.",
                            _READY,
                            {
                                "status": "not ready",
                                "reasons": {"issuer": "no signing keys of the issuer yet"},
                            },
                        ),
                    },
                )
            },
        },
        "components": {"schemas": {"Problem": PROBLEM_SCHEMA}, "securitySchemes": {"session": COOKIE_SCHEME}},
    }

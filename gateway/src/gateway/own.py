"""The gateway's own document: what it answers by itself."""

from typing import Any

_TEXT: dict[str, Any] = {"type": "object", "properties": {"status": {"type": "string"}}}


def _operation(
    name: str, summary: str, *, media: str = "application/json", schema: Any = None
) -> dict[str, Any]:
    content = {media: {"schema": schema or _TEXT}}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "responses": {"200": {"description": "OK", "content": content}},
        }
    }


def document() -> dict[str, Any]:
    """Return paths and nothing else; the joined document brings the rest."""
    ready = _operation("readyz", "Tell whether the gateway can serve, and if not, why.")
    ready["get"]["responses"]["503"] = {
        "description": "Not ready",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return {
        "paths": {
            "/livez": _operation("livez", "Tell that the process is up."),
            "/readyz": ready,
            "/openapi.json": _operation("openapi", "Read this document.", schema={"type": "object"}),
            "/docs": _operation(
                "docs", "Read this document as a page.", media="text/html", schema={"type": "string"}
            ),
        }
    }

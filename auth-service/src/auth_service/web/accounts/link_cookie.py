"""The cookie that binds a mailed link or code to the browser that asked for it."""

from flask import Response, request

LIFE = 600  # seconds, that of the link


def cookie_name(issuer: str) -> str:
    """Give the cookie's name: with https the ``__Host-`` prefix keeps every other host from setting it."""
    return "__Host-magic" if issuer.startswith("https:") else "magic"


def binding_of_browser(issuer: str) -> str | None:
    """Give the binding that this browser holds."""
    return request.cookies.get(cookie_name(issuer))


def bind_browser(response: Response, issuer: str, binding: str) -> None:
    """Have this browser keep the binding. Lax: the link is opened from a mail program, which is another site."""
    response.set_cookie(
        cookie_name(issuer),
        binding,
        max_age=LIFE,
        path="/",
        secure=issuer.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )


def unbind_browser(response: Response, issuer: str) -> None:
    """Have this browser forget the binding, which has done its work."""
    response.delete_cookie(
        cookie_name(issuer), path="/", secure=issuer.startswith("https:"), httponly=True, samesite="Lax"
    )

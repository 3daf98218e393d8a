"""Names and attributes of the cookies."""

import pytest
from gateway.browser_session.cookies import MAX_COOKIE, Cookies
from gateway.headers import request_headers


@pytest.mark.parametrize(
    ("secure", "prefix", "more"), [(False, b"", b""), (True, b"__Host-", b"; Secure")], ids=["http", "https"]
)
def test_cookies_are_hidden_from_script_and_other_sites(secure, prefix, more):
    cookies = Cookies(secure=secure)

    assert cookies.set_session("v")[1] == prefix + b"session=v; Path=/; HttpOnly; SameSite=Strict" + more
    assert cookies.delete_session()[1] == (
        prefix + b"session=; Path=/; HttpOnly; SameSite=Strict" + more + b"; Max-Age=0"
    )
    assert cookies.set_login("v", 60)[1] == (
        prefix + b"session_login=v; Path=/; HttpOnly; SameSite=Lax" + more + b"; Max-Age=60"
    )


def test_cookie_of_other_scheme_is_not_read():
    headers = request_headers(((b"cookie", b"session=plain"),))

    assert Cookies(secure=True).session(headers) == b""
    assert Cookies(secure=False).session(headers) == b"plain"


def test_cookie_longer_than_browsers_keep_is_refused():
    cookies = Cookies(secure=True)
    length = MAX_COOKIE - len(cookies.set_session("")[1])

    assert len(cookies.set_session("x" * length)[1]) == MAX_COOKIE
    with pytest.raises(ValueError, match="4097 bytes"):
        cookies.set_session("x" * (length + 1))

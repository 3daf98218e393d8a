"""The Content-Security-Policy of pages whose forms may end at a client."""

import re

import pytest
from auth_service.web.html.content_security_policy import page_policy, source_expression


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("http://127.0.0.1:49152/callback", "http://127.0.0.1:49152/callback"),
        ("http://localhost/callback?x=1&y=/", "http://localhost/callback"),
        ("https://app.example", "https://app.example"),
        ("https://app.example:8443?x", "https://app.example:8443"),
        ("https://app.example/a/b/~c-d._e", "https://app.example/a/b/~c-d._e"),
        ("https://app.example/a;b,c/d[1]%2F'e'", "https://app.example/a%3Bb%2Cc/d%5B1%5D%2F'e'"),
        ("http://[::1]:49152/callback", "http://*:49152/callback"),
        ("http://[::1]/callback", "http://*/callback"),
        ("https://a_b.example/x", "https://*/x"),
        ("https://a;script-src.example/x", "https://*/x"),
        ("http://127.0.0.1:99999/x", "http://127.0.0.1:99999/x"),
        ("com.example.app:/callback", "com.example.app:"),
        ("com.example.app://CallBack/x[1]", "com.example.app:"),
        ("com.example.app:", "com.example.app:"),
        ("com.example.app:/a; script-src 'unsafe-inline'", "com.example.app:"),
    ],
)
def test_source_is_narrowest_for_uri(uri, source):
    assert source_expression(uri) == source


@pytest.mark.parametrize("character", [chr(number) for number in range(0x80) if not chr(number).isalnum()])
@pytest.mark.parametrize(
    "start", ["https://a", "https://a/", "https://a:1", "http://[::1]/", "com.example.app:"]
)
def test_source_is_one_word_of_policy(start, character):
    """No redirect URI can add a source, a directive, another policy or a header."""
    source = source_expression(f"{start}{character}*{character}x")

    assert re.fullmatch(r"[!-~]+", source)
    assert not set(source) & set(';,"<>\\')


def test_policy_without_client_allows_own_forms():
    assert "form-action 'self';" in page_policy()
    assert "form-action 'self' com.example.app:;" in page_policy("com.example.app:/callback")

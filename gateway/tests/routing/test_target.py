"""Request targets: the canonical form, or 400."""

from urllib.parse import unquote_to_bytes

import pytest
from gateway.errors import Refusal
from gateway.routing.routes import load_routes
from gateway.routing.target import canonical
from hypothesis import example, given
from hypothesis import strategies as st

TABLE = load_routes()
FORBIDDEN = [
    b"", b"*", b"products", b"?x", b"evil:443", b"//products", b"/a//b", b"/a//", b"/.", b"/..", b"/../x", b"/a/..", b"/a/../b", b"/a/./b",
    b"/..?x", b"/a\\b", b"/a;b", b"/;", b"/a%2fb", b"/a%2Fb", b"/a%5cb", b"/a%5C", b"/a%00", b"/%0d%0a", b"/%2e%2e/x", b"/%2E", b"/.%2e/",
    b"/%3b", b"/%3f", b"/%25", b"/%252e", b"/%41", b"/%7e", b"/%2d", b"/%5f", b"/%39", b"/%7f", b"/%", b"/%2", b"/%zz", b"/%u002e",
    b"http:/products", b"/a#b", b"/a?b#c", b"/a b", b"/a?b c", b"/a\tb", b"/a\x00b",
    b"/a\r\nX: y", b"/\xc3\xa9", b"/a?\xff", b"/a?x=\\", b"/<a>", b'/"', b"/^", b"/`", b"/{a}", b"/|", b"/[a]", b"/a\n",
]  # fmt: skip
pieces = st.sampled_from(
    [
        b"/",
        b"//",
        b".",
        b"..",
        b"%2e",
        b"%2F",
        b"%5c",
        b"%00",
        b"%c3",
        b";",
        b"\\",
        b"?",
        b"#",
        b"orders",
        b"users",
        b"me",
        b"http:",
        b" ",
    ]
)


def check(target):
    path, _, query = target.partition(b"?")
    return canonical(path, query), query


@pytest.mark.parametrize("target", FORBIDDEN)
def test_target_not_canonical_is_400(target):
    with pytest.raises(Refusal) as refusal:
        check(target)

    assert refusal.value.slug == "bad_target"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", "/", b""),
        (b"/orders", "/orders", b""),
        (b"/orders/", "/orders/", b""),
        (b"/orders?", "/orders", b""),
        (b"/orders?cursor=a%2Fb/?..;", "/orders", b"cursor=a%2Fb/?..;"),
        (b"/.well-known/jwks.json", "/.well-known/jwks.json", b""),
        (b"/a...b/...", "/a...b/...", b""),
        (b"/caf%C3%A9", "/caf%C3%A9", b""),
        (b"/a!$&'()*+,=:@~", "/a!$&'()*+,=:@~", b""),
    ],
)
def test_target_canonical_is_unchanged(target, path, query):
    assert check(target) == (path, query)


def test_target_too_long_is_414():
    assert check(b"/" + b"a" * 8191)
    with pytest.raises(Refusal) as refusal:
        check(b"/" + b"a" * 8192)

    assert refusal.value.slug == "uri_too_long"


@given(
    st.one_of(
        st.binary(max_size=40),
        st.lists(pieces, max_size=8).map(b"".join),
        st.lists(pieces, max_size=8).map(lambda p: b"/" + b"".join(p)),
    )
)
@example(b"/orders/%2e%2e")
@example(b"/orders\n")
def test_target_routed_has_one_reading(target):
    try:
        path, query = check(target)
        route = TABLE.find("GET", path)
    except Refusal:
        return

    assert target in (path.encode() + b"?" + query, path.encode() + query)
    assert unquote_to_bytes(path) == path.encode()
    assert not {"", ".", ".."} & set(path.removeprefix("/").split("/")) or path == "/"
    assert path.count("/") == route.pattern.count("/")

"""Forgeries of the JSON text, under a genuine signature: ambiguous or malformed."""

from collections.abc import Iterator

from testkit.token_signer import NamedTokens, TokenSigner, encode

_SCALARS = {"a string": b'"x"', "a number": b"1", "true": b"true", "null": b"null", "an array": b"[]"}
_EVIL = {
    "iss": '"https://attacker.example"',
    "sub": '"admin"',
    "aud": '"another-service"',
    "exp": "9999999999",
    "iat": "1",
    "jti": '"another"',
    "scope": '"admin"',
    "roles": '["admin"]',
    "sid": '"another"',
    "client_id": '"another"',
}


def forge(signer: TokenSigner) -> NamedTokens:
    """Yield tokens whose header or payload is not one unambiguous JSON object."""
    header, payload = encode(signer.header()), encode(signer.claims())
    for name, text in _texts(payload):
        yield f"the payload {name}", signer.sign_raw(header, text)
    for name, text in _texts(header):
        yield f"the header {name}", signer.sign_raw(text, payload)
    yield from _duplicates(signer, header, payload)
    yield from _odd_numbers(signer, header, payload)
    yield from _nested(signer, header, payload)


def _texts(good: bytes) -> Iterator[tuple[str, bytes]]:
    inner = good[1:-1]
    yield "is empty", b""
    yield "is a blank", b" "
    yield "is an empty object", b"{}"
    for name, text in _SCALARS.items():
        yield f"is {name}", text
    yield "is the object inside an array", b"[" + good + b"]"
    yield "is the object inside a string", encode(good.decode())
    yield "is an array of pairs", b"[" + inner.replace(b":", b",") + b"]"
    yield "lacks its last brace", good[:-1]
    yield "lacks its first brace", good[1:]
    yield "has a brace too many", good + b"}"
    yield "is given twice", good + good
    yield "is followed by another object", good + b"{}"
    yield "is followed by a word", good + b"x"
    yield "is followed by NUL", good + b"\x00"
    yield "is followed by an invalid byte", good + b"\xff"
    yield "begins with a byte order mark", b"\xef\xbb\xbf" + good
    yield "begins with NUL", b"\x00" + good
    yield "begins with a vertical tab", b"\x0b" + good
    yield "begins with a no-break space", b"\xc2\xa0" + good
    yield "begins with a comment", b"/**/" + good
    yield "ends with a comment", good + b"//x"
    yield "is in UTF-16", good.decode().encode("utf-16")
    yield "is in UTF-16 without a mark", good.decode().encode("utf-16-le")
    yield "is in UTF-32", good.decode().encode("utf-32-be")
    yield "is in EBCDIC", good.decode().encode("cp500")
    yield "has single quotes", good.replace(b'"', b"'")
    unquoted = inner.replace(b'":', b":").replace(b',"', b",").lstrip(b'"')
    yield "has no quotes at its names", b"{" + unquoted + b"}"
    yield "has a comma too many", b"{" + inner + b",}"
    yield "has a comma first", b"{," + inner + b"}"
    yield "has semicolons", good.replace(b",", b";")
    yield "has equals signs", good.replace(b":", b"=")
    yield "has a raw newline in a string", b'{"x":"a\nb",' + inner + b"}"
    yield "has a raw NUL in a string", b'{"x":"a\x00b",' + inner + b"}"
    yield "has an unknown escape", b'{"x":"\\x41",' + inner + b"}"
    yield "has a broken escape", b'{"x":"\\u12",' + inner + b"}"
    yield "has an invalid byte in a string", b'{"x":"\xff",' + inner + b"}"
    yield "has an overlong byte in a string", b'{"x":"\xc0\xaf",' + inner + b"}"
    yield "has a surrogate in UTF-8", b'{"x":"\xed\xa0\x80",' + inner + b"}"
    yield "has a lone surrogate", b'{"x":"\\ud800",' + inner + b"}"
    yield "has a word that JSON lacks", b'{"x":undefined,' + inner + b"}"
    yield "has Python's True", b'{"x":True,' + inner + b"}"


def _duplicates(signer: TokenSigner, header: bytes, payload: bytes) -> NamedTokens:
    for claim, evil in _EVIL.items():
        member, escaped = f'"{claim}":{evil}', f'"\\u{ord(claim[0]):04x}{claim[1:]}":{evil}'
        yield f"{claim} twice, the other value first", signer.sign_raw(header, _first(payload, member))
        yield f"{claim} twice, the other value last", signer.sign_raw(header, _last(payload, member))
        token = signer.sign_raw(header, _first(payload, escaped))
        yield f"{claim} twice, once with an escape in its name", token
    for name, evil in {"alg": '"none"', "typ": '"JWT"', "kid": '"another"'}.items():
        member = f'"{name}":{evil}'
        yield f"{name} twice, the other value first", signer.sign_raw(_first(header, member), payload)
        yield f"{name} twice, the other value last", signer.sign_raw(_last(header, member), payload)
    yield "alg twice with the same value", signer.sign_raw(_first(header, '"alg":"RS256"'), payload)
    deep = _last(payload, '"act":{"sub":"a","sub":"b"}')
    yield "a duplicate inside the actor", signer.sign_raw(header, deep)
    unknown = _last(payload, '"x":[{"a":1,"a":1}]')
    yield "a duplicate in an unknown claim", signer.sign_raw(header, unknown)


def _first(good: bytes, member: str) -> bytes:
    return b"{" + member.encode() + b"," + good[1:]


def _last(good: bytes, member: str) -> bytes:
    return good[:-1] + b"," + member.encode() + b"}"


def _odd_numbers(signer: TokenSigner, header: bytes, payload: bytes) -> NamedTokens:
    numbers = (
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "01",
        "+1",
        ".5",
        "1.",
        "0x10",
        "1_000",
        "--1",
        "9" * 4500,
    )
    for number in numbers:
        member = f'"x":{number}'
        shown = number if len(number) < 20 else f"a number of {len(number)} digits"
        yield f"an unknown claim is {shown}", signer.sign_raw(header, _last(payload, member))
        if len(number) < 20:
            yield f"an unknown header member is {shown}", signer.sign_raw(_last(header, member), payload)


def _nested(signer: TokenSigner, header: bytes, payload: bytes) -> NamedTokens:
    for depth in (33, 100, 500, 1000, 2000):
        for kind, opening, closing in (("arrays", "[", "]"), ("objects", '{"":', "}")):
            if depth * (len(opening) + 1) > 4600:
                continue
            heart = "0" if kind == "objects" else ""
            member = f'"x":{opening * depth}{heart}{closing * depth}'
            yield f"{depth} {kind} inside one another", signer.sign_raw(header, _last(payload, member))
            in_header = signer.sign_raw(_last(header, member), payload)
            yield f"{depth} {kind} inside one another in the header", in_header
    yield "4000 brackets that are never closed", signer.sign_raw(header, b"[" * 4000)
    yield "4000 brackets that are never closed, as the header", signer.sign_raw(b"[" * 4000, payload)

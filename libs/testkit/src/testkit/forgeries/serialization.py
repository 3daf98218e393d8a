"""Forgeries of the compact serialization (RFC 7515 section 7.1) of a valid token: parts, alphabet, padding, length."""

import json
import zlib
from urllib.parse import quote

from testkit.keys import ALPHABET, b64
from testkit.token_signer import NamedTokens, TokenSigner, encode

_PARTS = ("header", "payload", "signature")
_STRANGE = " .,;:=+/~!*%\"'\\|<>(){}[]@&?#\xa0\xe9\xff"
LONGEST = 8192


def forge(signer: TokenSigner) -> NamedTokens:
    """Yield tokens that are not three canonical base64url parts of at most 8 KiB in all."""
    yield from _wrong_parts(signer)
    yield from _padded(signer)
    yield from _not_canonical(signer)
    yield from _strange_characters(signer)
    yield from _wrapped(signer)
    yield from _too_long(signer)
    yield from _other_formats(signer)


def _split(signer: TokenSigner) -> list[str]:
    return signer.sign().split(".")


def _wrong_parts(signer: TokenSigner) -> NamedTokens:
    header, payload, signature = _split(signer)
    yield "one part: the header", header
    yield "one part: the payload", payload
    yield "two parts: no signature, no second dot", f"{header}.{payload}"
    yield "two parts: no header", f"{payload}.{signature}"
    yield "an empty header", f".{payload}.{signature}"
    yield "an empty payload", f"{header}..{signature}"
    yield "an empty signature", f"{header}.{payload}."
    yield "only the signature", f"..{signature}"
    yield "only dots", ".."
    yield "a single dot", "."
    yield "a hundred dots", "." * 100
    yield "a single letter", "x"
    yield "an empty fourth part", f"{header}.{payload}.{signature}."
    yield "an empty part before the others", f".{header}.{payload}.{signature}"
    yield "a fourth part", f"{header}.{payload}.{signature}.{signature}"
    yield "a part between", f"{header}..{payload}.{signature}"
    yield "five parts", f"{header}.{payload}.{signature}.{payload}.{signature}"
    yield "header and payload changed places", f"{payload}.{header}.{signature}"
    yield "payload and signature changed places", f"{header}.{signature}.{payload}"
    yield "the header three times", f"{header}.{header}.{header}"
    yield "read from right to left", f"{signature}.{payload}.{header}"


def _padded(signer: TokenSigner) -> NamedTokens:
    for index, part in enumerate(_PARTS):
        for count in (1, 2, 3):
            parts = _split(signer)
            parts[index] += "=" * count
            yield f"{count} padding characters after the {part}", ".".join(parts)
    parts = _split(signer)
    yield "every part padded as plain base64 is", ".".join(part + "=" * (-len(part) % 4) for part in parts)
    yield "escaped padding after the signature", signer.sign() + "%3D%3D"


def _not_canonical(signer: TokenSigner) -> NamedTokens:
    for index, part in enumerate(_PARTS):
        parts = _unaligned(signer, index)
        if parts is None:
            continue
        free = {2: 4, 3: 2}[len(parts[index]) % 4]  # spare bits of the last character
        last = ALPHABET.index(parts[index][-1])
        for bits in range(1, 1 << free):
            changed = [*parts]
            changed[index] = parts[index][:-1] + ALPHABET[last | bits]
            yield f"spare bits {bits} set at the end of the {part}", ".".join(changed)
        for extra in ("A", "AA", "AAA", "AAAA"):
            longer = [*_split(signer)]
            longer[index] += extra
            yield f"{extra} after the {part}", ".".join(longer)


def _unaligned(signer: TokenSigner, index: int) -> list[str] | None:
    """Return the parts of a token whose part `index` ends in spare bits; None if its length never leaves any."""
    for padding in ("", "x", "xx"):
        parts = signer.sign(signer.claims(pad=padding), header={"pad": padding}).split(".")
        if len(parts[index]) % 4:
            return parts
    return None


def _strange_characters(signer: TokenSigner) -> NamedTokens:
    for character in _STRANGE:
        for index, part in enumerate(_PARTS):
            parts = _split(signer)
            middle = len(parts[index]) // 2
            parts[index] = parts[index][:middle] + character + parts[index][middle:]
            yield f"{character!r} in the middle of the {part}", ".".join(parts)
    parts = _split(signer)
    while not set("-_") & set(parts[2]):
        parts = _split(signer)
    plain = parts[2].replace("-", "+").replace("_", "/")
    yield "the signature in base64's plain alphabet", ".".join((*parts[:2], plain))
    for index, part in enumerate(_PARTS):
        parts = _split(signer)
        parts[index] = "".join(f"%{ord(c):02X}" for c in parts[index][:4]) + parts[index][4:]
        yield f"the first letters of the {part} percent-encoded", ".".join(parts)


def _wrapped(signer: TokenSigner) -> NamedTokens:
    token, other = signer.sign(), signer.sign()
    yield "in quotes", f'"{token}"'
    yield "in single quotes", f"'{token}'"
    yield "in angle brackets", f"<{token}>"
    yield "two tokens with a comma", f"{token},{other}"
    yield "two tokens with a comma and a space", f"{token}, Bearer {other}"
    yield "two tokens with a space", f"{token} {other}"
    yield "the same token twice", f"{token},{token}"
    yield "a second scheme", f"Bearer {token}"
    yield "a parameter after it", f"{token};aud=x"
    yield "a parameter before it", f"token={token}"
    yield "as JSON", json.dumps({"access_token": token})
    yield "encoded once more", b64(token.encode())
    yield "encoded once more, part by part", ".".join(b64(part.encode()) for part in token.split("."))
    yield "dots percent-encoded", token.replace(".", "%2E")
    yield "dots as colons", token.replace(".", ":")
    yield "backwards", token[::-1]
    yield "in lower case", token.lower()
    yield "in upper case", token.upper()
    yield "in hexadecimal", ".".join(part.encode().hex() for part in token.split(".")[:2])
    yield "percent-encoded as a whole", quote(f"{token}==", safe="")


def _too_long(signer: TokenSigner) -> NamedTokens:
    claims = signer.claims()
    for size in (LONGEST + 1, LONGEST + 100, 10_000, 12_000):
        spare = max(0, (size - len(signer.sign(claims | {"pad": ""}))) * 3 // 4 - 8)
        while len(token := signer.sign(claims | {"pad": "x" * spare})) < size:
            spare += 1
        yield f"a payload that makes it {size} characters or a few more", token
    yield "a header that makes it too long", signer.sign(header={"pad": "x" * 6200})
    header, payload, signature = _split(signer)
    yield "a signature of 8 KiB", f"{header}.{payload}.{'A' * 8192}"
    yield "12,000 letters", "A" * 12_000
    yield "three parts of 4,000 letters", ".".join(("A" * 4000,) * 3)
    yield "12,000 dots", "." * 12_000
    yield "a fourth part of 8 KiB", f"{header}.{payload}.{signature}.{'A' * 8192}"


def _other_formats(signer: TokenSigner) -> NamedTokens:
    header, payload, signature = _split(signer)
    claims, head, zipped = encode(signer.claims()), encode(signer.header()), encode(signer.header(zip="DEF"))
    yield "a compressed payload without saying so", signer.sign_raw(head, zlib.compress(claims))
    deflate = zlib.compressobj(wbits=-15)
    squeezed = deflate.compress(claims) + deflate.flush()
    yield "a compressed payload with zip", signer.sign_raw(zipped, squeezed)
    yield "a payload that inflates to a megabyte", signer.sign_raw(zipped, zlib.compress(b"0" * 1_000_000))
    jwe = encode({"alg": "RSA-OAEP-256", "enc": "A256GCM", "typ": "at+jwt", "kid": signer.kid})
    yield "an encrypted token", ".".join((b64(jwe), b64(b"k" * 256), b64(b"i" * 12), payload, b64(b"t" * 16)))
    direct = b64(encode({"alg": "dir", "enc": "A256GCM"}))
    yield "an encrypted token that is its own key", f"{direct}..AAAA.AAAA.AAAA"
    yield "a detached payload", f"{header}..{signature}"[:-1] + "A"
    yield "a token inside a token", signer.sign_raw(encode(signer.header(cty="JWT")), signer.sign().encode())
    yield "JSON serialization", json.dumps({"protected": header, "payload": payload, "signature": signature})
    signatures = [{"protected": header, "signature": signature}]
    yield "general JSON serialization", json.dumps({"payload": payload, "signatures": signatures})
    yield "an SD-JWT", f"{header}.{payload}.{signature}~{b64(encode(['salt', 'sub', 'admin']))}~"
    yield "a PASETO", f"v4.public.{payload}{signature}"
    yield "an opaque token", b64(b"\x01" * 32)
    yield "a UUID", "4be2ba4f-1f2a-4b1c-a7ac-6b2d0f2f7c11"
    yield "Basic credentials", "YWxpY2VAZXhhbXBsZS5jb206cGFzc3dvcmQ="
    for word in (
        "null",
        "undefined",
        "None",
        "true",
        "[object Object]",
        "0",
        "{}",
        "' OR '1'='1",
        "../../etc/passwd",
    ):
        yield f"the word {word}", word

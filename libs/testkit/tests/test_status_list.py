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
def test_statuses_are_packed_as_in_the_drafts_examples(bits, values, packed):
    made = FakeStatusList(SIGNER, size=len(values), bits=bits)
    for index, value in enumerate(values):
        made[index] = value
    assert unpacked(made.token()).hex() == packed


def test_a_list_says_whose_it_is_and_how_long_it_holds():
    claims = claims_of(FakeStatusList(SIGNER, 3, ttl=5).token())
    assert (claims["iss"], claims["sub"]) == (SIGNER.issuer, f"{SIGNER.issuer}/status-lists/3")
    assert (claims["iat"], claims["exp"], claims["ttl"]) == (SIGNER.now(), SIGNER.now() + 43_200, 5)


def test_a_list_may_be_made_wrong_on_purpose():
    token = FakeStatusList(SIGNER).token({"typ": "JWT"}, exp=MISSING, sub="another").decode()
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": SIGNER.kid}
    assert "exp" not in claims_of(token)
    assert claims_of(token)["sub"] == "another"


def test_an_issuer_that_is_given_a_mint_publishes_its_keys(issuer):
    assert get(issuer, JWKS_PATH).json() == SIGNER.jwks()


def test_an_issuer_has_no_list_before_one_is_opened(issuer):
    assert get(issuer).status_code == 404


def test_an_open_list_is_served_as_a_status_list_token(issuer):
    issuer.open_list(size=64, ttl=7)
    answer = get(issuer)
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (
        LIST_TYPE,
        "public, max-age=7",
    )
    assert answer.headers["ETag"]
    assert unpacked(answer.text) == bytes(8)


def test_revoked_and_taken_back_is_what_the_list_says(issuer):
    issuer.open_list(2, size=16)
    issuer.revoke(0, 9, number=2)
    assert unpacked(get(issuer, "/status-lists/2").text) == b"\x01\x02"
    issuer.revoke(0, number=2, value=0)
    assert unpacked(get(issuer, "/status-lists/2").text) == b"\x00\x02"


def test_a_revocation_opens_a_list_that_is_not_there(issuer):
    issuer.revoke(2**20 - 1)
    assert unpacked(get(issuer).text)[-1] == 0x80


def test_a_revocation_wakes_whoever_waits_for_the_list():
    with FakeIssuer(long_poll=True) as issuer:
        issuer.open_list(size=8)
        headers = {"If-None-Match": get(issuer).headers["ETag"], "Prefer": "wait=30"}
        got = []
        waiting = threading.Thread(target=lambda: got.append(get(issuer, **headers)))
        waiting.start()
        issuer.revoke(1)
        waiting.join(10)
        assert unpacked(got[0].text, issuer.signer) == b"\x02"


def test_a_mint_of_the_issuers_own_signs_tokens_that_name_its_lists(issuer):
    claims = jwt.decode(SIGNER.sign(SIGNER.claims(status=5)), options={"verify_signature": False})
    assert claims["status"] == {"status_list": {"idx": 5, "uri": issuer.open_list().uri}}

"""npm's @owf/token-status-list reads our status lists, and touchstone reads its lists."""

import json
import time

import pytest
from jwt.algorithms import RSAAlgorithm
from testkit.concurrency import wait_for
from testkit.keys import make_rsa, thumbprint
from testkit.token_signer import TokenSigner, claims_of
from touchstone import status
from touchstone.keys import KeySet

SIZE = 2**20
ELSEWHERE = "https://lists.example/status-lists/7"


def entry_of(claims):
    entry = claims["status"]["status_list"]
    return entry["uri"], entry["idx"]


@pytest.fixture
def read(gateway, run_node):
    """`read(uri, token, *indexes)`: what the library finds in the list of an access token."""
    jwks = gateway("GET", "/.well-known/jwks.json").json()
    issuer = gateway("GET", "/.well-known/openid-configuration").json()["issuer"]

    def ask(uri, reference, *indexes):
        answer = gateway("GET", uri.removeprefix(issuer))
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/statuslist+jwt")
        question = {
            "jwks": jwks,
            "uri": uri,
            "token": answer.text,
            "reference": reference,
            "indexes": indexes,
        }
        return run_node("read_list.mjs", question)

    return ask


@pytest.mark.compose
def test_npm_reads_logout_in_status_list(gateway, new_user, read):
    user = new_user()
    ended, other = (user.log_in()["access_token"] for _ in range(2))
    uri, index = entry_of(claims_of(ended))
    others = [entry_of(claims_of(other))[1], (index + 1) % SIZE, (index - 1) % SIZE, index ^ 7]
    before = read(uri, ended, index, *others)

    assert gateway("POST", "/logout", token=ended).status_code == 204

    after = wait_for(
        lambda: (found := read(uri, ended, index, *others))["statuses"][0] == 1 and found, what="the bit"
    )
    assert before["entry"] == {"idx": index, "uri": uri}
    assert (before["typ"], before["sub"], before["bits"]) == ("statuslist+jwt", uri, 1)
    assert (before["size"], before["statuses"][0]) == (SIZE, 0)
    assert after["statuses"] == [1, *before["statuses"][1:]]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_touchstone_reads_list_made_by_npm(run_node, bits):
    key, now = make_rsa(), int(time.time())
    highest = 2**bits - 1
    statuses = {0: 1, 1: highest, 77: 1, 4095: highest}
    private, kid = RSAAlgorithm.to_jwk(key, as_dict=True), thumbprint(key.public_key())
    made = {"key": private, "kid": kid, "uri": ELSEWHERE, "now": now}

    token = run_node("make_list.mjs", {**made, "size": 4096, "bits": bits, "statuses": statuses})["token"]

    keys = KeySet.from_jwks(json.dumps(TokenSigner(key=key).jwks()))
    found = status.read(token.encode(), keys, uri=ELSEWHERE, issuer="https://lists.example", now=now)
    assert (len(found), found.ttl) == (4096, 60)
    assert {index: found.get(index) for index in range(4096) if found.get(index)} == statuses

"""Several issuers: each verifies its own tokens alone."""

import pytest
from touchstone import Issuer, Issuers, errors

OURS, THEIRS = "https://issuer.example", "https://other.example"


@pytest.fixture
def issuers(server, response, signer, other_signer, clock):
    """Two issuers whose keys have the same `kid`."""
    server.plan(response(200, signer.jwks()), at="/ours")
    server.plan(response(200, other_signer.jwks()), at="/theirs")
    both = Issuers(
        [
            Issuer(OURS, audience="orders-service", backchannel=server.url, jwks_path="/ours", now=clock),
            Issuer(THEIRS, audience="an-api", backchannel=server.url, jwks_path="/theirs", now=clock),
        ]
    )
    yield both
    both.close()


def test_each_issuer_verifies_its_tokens(issuers, signer, other_signer):
    assert issuers.verify(signer.token()).issuer == OURS
    assert issuers.verify(other_signer.token(iss=THEIRS, aud="an-api")).issuer == THEIRS


def test_fresh_is_passed_on(issuers, signer):
    assert issuers.verify(signer.token(), fresh=True)


def test_key_of_other_issuer_is_refused(issuers, signer, other_signer):
    for token in (signer.token(iss=THEIRS, aud="an-api"), other_signer.token()):
        with pytest.raises(errors.BadSignature):
            issuers.verify(token)


def test_audience_of_other_issuer_is_refused(issuers, other_signer):
    with pytest.raises(errors.WrongAudience):
        issuers.verify(other_signer.token(iss=THEIRS))


def test_list_of_other_issuer_is_refused(issuers, signer):
    status = {"status_list": {"idx": 0, "uri": f"{THEIRS}/status-lists/1"}}
    with pytest.raises(errors.UnknownStatus):
        issuers.verify(signer.token(status=status))


@pytest.mark.parametrize(
    "iss", ["https://third.example", f"{OURS}/", "", None, 1, ["https://issuer.example"]]
)
def test_unlisted_issuer_is_refused(issuers, signer, server, iss):
    with pytest.raises(errors.WrongIssuer):
        issuers.verify(signer.token(iss=iss))
    assert server.requests == []


def test_token_without_iss_is_refused(issuers, signer):
    with pytest.raises(errors.WrongIssuer):
        issuers.verify(signer.token(iss=signer.REMOVE))


def test_payload_without_object_is_wrong_issuer(issuers, signer):
    with pytest.raises(errors.WrongIssuer):
        issuers.verify(signer.sign(b"{}", b"[]"))


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.b.c.d", "é.b.c", None, 7, b"a.b.c", "A" * 8193])
def test_other_values_are_malformed(issuers, token):
    with pytest.raises(errors.MalformedToken):
        issuers.verify(token)


def test_issuers_are_ready_when_all_are(issuers, server, response, other_signer, eventually):
    server.plan(response(500), at="/theirs")
    assert not issuers.ready()
    eventually(lambda: issuers.health()[OURS]["keys"] == 1)
    assert not issuers.ready()
    server.plan(response(200, other_signer.jwks()), at="/theirs")
    eventually(issuers.ready)


@pytest.mark.parametrize("urls", [[], [OURS, OURS]])
def test_empty_or_repeated_issuers_are_refused(urls):
    with pytest.raises(ValueError, match=r"non-empty list of Issuer|same URL"):
        Issuers([Issuer(url, audience="an-api") for url in urls])

"""Several issuers at once: each decides about its own tokens, and no key verifies another's."""

import pytest
from touchstone import Issuer, Issuers, errors

OURS, THEIRS = "https://mint.example", "https://other.example"


@pytest.fixture
def issuers(server, answer, mint, stranger, clock):
    """Two issuers, whose keys have the same name."""
    server.plan(answer(200, mint.jwks()), at="/ours")
    server.plan(answer(200, stranger.jwks()), at="/theirs")
    both = Issuers(
        [
            Issuer(OURS, audience="orders-service", backchannel=server.url, jwks_path="/ours", now=clock),
            Issuer(THEIRS, audience="an-api", backchannel=server.url, jwks_path="/theirs", now=clock),
        ]
    )
    yield both
    both.close()


def test_each_issuer_verifies_its_tokens(issuers, mint, stranger):
    assert issuers.verify(mint.token()).issuer == OURS
    assert issuers.verify(stranger.token(iss=THEIRS, aud="an-api")).issuer == THEIRS


def test_fresh_is_passed_on(issuers, mint):
    assert issuers.verify(mint.token(), fresh=True)


def test_key_of_other_issuer_is_refused(issuers, mint, stranger):
    for token in (mint.token(iss=THEIRS, aud="an-api"), stranger.token()):
        with pytest.raises(errors.BadSignature):
            issuers.verify(token)


def test_audience_of_other_issuer_is_refused(issuers, stranger):
    with pytest.raises(errors.WrongAudience):
        issuers.verify(stranger.token(iss=THEIRS))


def test_list_of_other_issuer_is_refused(issuers, mint):
    status = {"status_list": {"idx": 0, "uri": f"{THEIRS}/status-lists/1"}}
    with pytest.raises(errors.UnknownStatus):
        issuers.verify(mint.token(status=status))


@pytest.mark.parametrize("iss", ["https://third.example", f"{OURS}/", "", None, 1, ["https://mint.example"]])
def test_unlisted_issuer_is_refused(issuers, mint, server, iss):
    with pytest.raises(errors.WrongIssuer):
        issuers.verify(mint.token(iss=iss))
    assert server.requests == []


def test_token_without_iss_is_refused(issuers, mint):
    with pytest.raises(errors.WrongIssuer):
        issuers.verify(mint.token(iss=mint.REMOVE))


def test_payload_without_object_is_wrong_issuer(issuers, mint):
    with pytest.raises(errors.WrongIssuer):
        issuers.verify(mint.sign(b"{}", b"[]"))


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.b.c.d", "é.b.c", None, 7, b"a.b.c", "A" * 8193])
def test_other_values_are_malformed(issuers, token):
    with pytest.raises(errors.MalformedToken):
        issuers.verify(token)


def test_issuers_are_ready_when_all_are(issuers, server, answer, stranger, eventually):
    server.plan(answer(500), at="/theirs")
    assert not issuers.ready()
    eventually(lambda: issuers.health()[OURS]["keys"] == 1)
    assert not issuers.ready()
    server.plan(answer(200, stranger.jwks()), at="/theirs")
    eventually(issuers.ready)


@pytest.mark.parametrize("urls", [[], [OURS, OURS]])
def test_empty_or_repeated_issuers_are_refused(urls):
    with pytest.raises(ValueError, match=r"non-empty list of Issuer|same URL"):
        Issuers([Issuer(url, audience="an-api") for url in urls])

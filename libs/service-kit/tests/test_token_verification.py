import pytest
from service_kit.settings import ServiceSettings
from service_kit.token_verification import documents_for, issuer_for
from testkit.concurrency import wait_for
from testkit.issuer import FakeIssuer
from testkit.token_signer import TokenSigner
from touchstone import RevokedToken
from touchstone.errors import WrongAudience

MINT = TokenSigner("https://issuer.example")


@pytest.fixture
def published():
    with FakeIssuer(signer=MINT, long_poll=True) as issuer:
        issuer.open_list(size=64)
        yield issuer


@pytest.fixture
def settings(published, tmp_path):
    return ServiceSettings(
        issuer=MINT.issuer, issuer_backchannel=published.url, snapshots_dir=tmp_path / "snapshots"
    )


@pytest.fixture
def issuer(settings):
    issuer = issuer_for(settings, "orders-service")
    yield issuer
    issuer.close()


def revoked(issuer, token):
    try:
        issuer.verify(token)
    except RevokedToken:
        return True
    return False


def test_tokens_of_the_issuer_for_the_audience_are_good(issuer):
    assert issuer.verify(MINT.sign(MINT.claims(status=7))).subject


def test_tokens_for_another_audience_are_not(issuer):
    with pytest.raises(WrongAudience):
        issuer.verify(MINT.sign(MINT.claims(aud="users-service")))


def test_a_revocation_arrives_from_the_backchannel(issuer, published):
    token = MINT.sign(MINT.claims(status=7))
    issuer.verify(token)

    published.revoke(7)

    wait_for(lambda: revoked(issuer, token), what="the revocation")


def test_what_was_had_is_kept_where_the_settings_say(settings):
    documents = documents_for(settings)
    try:
        documents.wait_first(None, 10)
        wait_for(lambda: any(settings.snapshots_dir.rglob("*")), what="a snapshot")
    finally:
        documents.close()

import pytest
from service_kit.settings import ServiceSettings
from service_kit.token_verification import documents_for, issuer_for
from testkit.concurrency import wait_for
from testkit.issuer import FakeIssuer
from testkit.token_signer import TokenSigner
from touchstone import RevokedToken
from touchstone.errors import WrongAudience

SIGNER = TokenSigner("https://issuer.example")


@pytest.fixture
def published():
    with FakeIssuer(signer=SIGNER, long_poll=True) as issuer:
        issuer.open_list(size=64)
        yield issuer


@pytest.fixture
def settings(published, tmp_path):
    return ServiceSettings(
        issuer=SIGNER.issuer, issuer_backchannel=published.url, snapshots_dir=tmp_path / "snapshots"
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


def test_token_for_audience_is_valid(issuer):
    assert issuer.verify(SIGNER.sign(SIGNER.claims(status=7))).subject


def test_token_for_other_audience_is_invalid(issuer):
    with pytest.raises(WrongAudience):
        issuer.verify(SIGNER.sign(SIGNER.claims(aud="users-service")))


def test_revocation_arrives_by_backchannel(issuer, published):
    token = SIGNER.sign(SIGNER.claims(status=7))
    issuer.verify(token)

    published.revoke(7)

    wait_for(lambda: revoked(issuer, token), what="the revocation")


def test_documents_are_kept_in_snapshots_dir(settings):
    documents = documents_for(settings)
    try:
        documents.wait_first(None, 10)
        wait_for(lambda: any(settings.snapshots_dir.rglob("*")), what="a snapshot")
    finally:
        documents.close()

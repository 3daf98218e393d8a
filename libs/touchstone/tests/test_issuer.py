"""The facade: one issuer, from its published keys to typed claims."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from touchstone import Issuer, Unavailable, errors

ISSUER, AUDIENCE = "https://issuer.example", "orders-service"


@pytest.fixture
def publish(server, response, signer):
    """Publish these keys from now on."""

    def plan(*jwks, status=200):
        body = json.dumps({"keys": list(jwks)}).encode()
        tag = f'"{len(jwks)}-{hash(body)}"'
        server.plan(response(status, body, {"ETag": tag, "Cache-Control": "max-age=3600"}))

    plan(signer.jwk())
    return plan


@pytest.fixture
def issuer(server, clock, publish):
    made = Issuer(ISSUER, audience=AUDIENCE, backchannel=f"{server.url}/", now=clock)
    yield made
    made.close()


def test_valid_token_is_verified(issuer, signer):
    assert issuer.verify(signer.token()).subject


def test_keys_are_fetched_at_backchannel(issuer, signer, server):
    issuer.verify(signer.token())
    assert server.seen.get(timeout=10) == "/.well-known/jwks.json"


def test_keys_are_fetched_at_issuer(server, signer, clock, publish):
    issuer = Issuer(server.url, audience=AUDIENCE, now=clock)
    assert issuer.verify(signer.token(iss=server.url)).issuer == server.url
    issuer.close()


def test_iss_must_equal_url(server, signer, clock, publish):
    issuer = Issuer(f"{ISSUER}/", audience=AUDIENCE, backchannel=server.url, now=clock)
    assert issuer.policy.issuer == f"{ISSUER}/"
    assert issuer.verify(signer.token(iss=f"{ISSUER}/"))
    with pytest.raises(errors.WrongIssuer):
        issuer.verify(signer.token())
    issuer.close()


@pytest.mark.parametrize("token", ["", "a.b.c", None])
def test_malformed_token_is_refused_without_keys(issuer, publish, token):
    publish(status=500)
    with pytest.raises(errors.MalformedToken):
        issuer.verify(token)


def test_missing_keys_raise_unavailable(issuer, signer, publish):
    publish(status=500)
    with pytest.raises(Unavailable) as caught:
        issuer.verify(signer.token())
    assert caught.value.retry_after == 5
    assert not issuer.ready()
    assert issuer.health() == {"keys": 0, "age": None, "last_error": "BadResponseError: answered 500"}


def test_issuer_is_ready_with_keys(issuer, eventually):
    assert not issuer.ready()
    eventually(issuer.ready)
    health = issuer.health()
    assert health["keys"] == 1
    assert health["age"] >= 0
    assert health["last_error"] is None


def test_new_key_is_fetched_on_demand(issuer, signer, other_signer, publish):
    issuer.verify(signer.token())
    publish(signer.jwk(), other_signer.jwk(kid="key-2"))
    assert issuer.verify(other_signer.token(header={"kid": "key-2"}))


def test_unknown_keys_cause_one_fetch(issuer, signer, server, eventually):
    issuer.verify(signer.token())
    # The first fetch, and a second one because this server does not wait.
    eventually(lambda: len(server.requests) == 2)
    forged = [signer.token(header={"kid": f"made-up-{n}"}) for n in range(20)]

    def attack(_):
        for n in range(500):
            with pytest.raises(errors.UnknownKey):
                issuer.verify(forged[n % 20])

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(attack, range(20)))
    assert len(server.requests) == 3
    assert issuer.verify(signer.token())


def test_withdrawn_key_is_refused(issuer, signer, other_signer, publish):
    token = signer.token()
    assert issuer.verify(token)
    publish(other_signer.jwk(kid="key-2"))
    with pytest.raises(errors.UnknownKey):
        issuer.verify(signer.token(header={"kid": "key-3"}))
    with pytest.raises(errors.UnknownKey):
        issuer.verify(token)


def test_unusable_key_set_replaces_nothing(issuer, signer, publish):
    assert issuer.verify(signer.token())
    publish(signer.jwk(use="enc"))
    with pytest.raises(errors.UnknownKey):
        issuer.verify(signer.token(header={"kid": "key-2"}))
    assert issuer.verify(signer.token())
    assert issuer.health()["last_error"] == "ValueError: the JWK Set has no usable key"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "issuer.example",
        "ftp://issuer.example",
        "file:///etc/passwd",
        "https://",
        "https://m/?a",
        "https://m/#a",
    ],
)
def test_invalid_issuer_url_is_refused(url):
    with pytest.raises(ValueError, match=r"."):
        Issuer(url, audience=AUDIENCE)
    with pytest.raises(ValueError, match=r"."):
        Issuer(ISSUER, audience=AUDIENCE, backchannel=url or "?")


# --- status ---------------------------------------------------------------------------------------------------

URI = f"{ISSUER}/status-lists/1"


@pytest.fixture
def publish_list(server, response, signer):
    """Publish the first list from now on."""

    def plan(data=b"\0\0", status=200, before=lambda: None):
        body = signer.list_token(URI, data)
        headers = {"ETag": f'"{hash(body)}"', "Cache-Control": "max-age=3600"}
        server.plan(response(status, body, headers, before), at="/status-lists/1")

    plan()
    return plan


@pytest.fixture
def session_token(signer, publish_list):
    """A token of a session, at index 3."""
    return signer.token(status={"status_list": {"idx": 3, "uri": URI}})


@pytest.fixture
def monotonic(make_clock):
    return make_clock(1000)


@pytest.fixture
def watched(server, clock, monotonic, publish):
    made = Issuer(ISSUER, audience=AUDIENCE, backchannel=server.url, now=clock, clock=monotonic)
    yield made
    made.close()


def test_first_token_waits_for_keys_and_list(issuer, session_token):
    assert issuer.verify(session_token).status.index == 3


def test_revoked_session_is_refused_at_first_use(issuer, session_token, publish_list):
    publish_list(b"\x08\x00")
    with pytest.raises(errors.RevokedToken):
        issuer.verify(session_token)


def test_revocation_arrives_by_itself(
    issuer, session_token, publish_list, server, response, signer, eventually
):
    assert issuer.verify(session_token)
    publish_list(b"\x08\x00")
    issuer.documents._lists[URI].refresh_soon(10)
    with pytest.raises(errors.RevokedToken):
        issuer.verify(session_token)


def test_missing_list_raises_status_unavailable(issuer, session_token, publish_list, signer):
    publish_list(status=500)
    for _ in range(2):
        with pytest.raises(errors.StatusUnavailable):
            issuer.verify(session_token)
    assert issuer.verify(signer.token())


def test_list_is_awaited_only_once(issuer, session_token, publish_list, server):
    publish_list(status=500)
    with pytest.raises(errors.StatusUnavailable):
        issuer.verify(session_token)
    released = threading.Event()
    publish_list(before=lambda: released.wait(10))
    with pytest.raises(errors.StatusUnavailable):
        issuer.verify(session_token)
    released.set()


@pytest.fixture
def settled(watched, session_token, eventually):
    """An issuer whose first fetches have ended, so that no test moves the clock during one."""
    assert watched.verify(session_token)
    eventually(lambda: [each.fetches for each in watched.documents.stats()] == [2, 2])
    return watched


def test_fresh_serves_just_confirmed_documents(watched, session_token, signer):
    assert watched.verify(session_token, fresh=True)
    assert watched.verify(signer.token(), fresh=True)


def test_fresh_fetches_confirmation_without_flapping(settled, session_token, monotonic, idle):
    for _ in range(5):
        monotonic.advance(40)
        assert settled.verify(session_token, fresh=True)
        idle(settled.documents)


def test_fresh_sees_new_revocation(settled, session_token, monotonic, publish_list):
    publish_list(b"\x08\x00")
    monotonic.advance(31)
    with pytest.raises(errors.RevokedToken):
        settled.verify(session_token, fresh=True)


def test_fresh_fails_closed_in_outage(settled, session_token, monotonic, publish_list):
    publish_list(status=500)
    monotonic.advance(31)
    with pytest.raises(errors.Unconfirmed):
        settled.verify(session_token, fresh=True)
    assert settled.verify(session_token)


def test_fresh_recovers_after_outage(settled, session_token, monotonic, publish_list):
    publish_list(status=500)
    monotonic.advance(31)
    with pytest.raises(errors.Unconfirmed):
        settled.verify(session_token, fresh=True)
    publish_list()
    monotonic.advance(1)
    assert settled.verify(session_token, fresh=True)


def test_before_wait_is_called_before_waiting(server, signer, other_signer, clock, monotonic, publish):
    waits = []
    issuer = Issuer(
        ISSUER,
        audience=AUDIENCE,
        backchannel=server.url,
        now=clock,
        clock=monotonic,
        before_wait=lambda: waits.append(1),
    )
    issuer.verify(signer.token())
    assert len(waits) == 1
    issuer.verify(signer.token(), fresh=True)
    with pytest.raises(errors.ExpiredToken):
        issuer.verify(signer.token(exp=int(clock()) - 60))
    assert len(waits) == 1
    with pytest.raises(errors.UnknownKey):
        issuer.verify(other_signer.token(header={"kid": "key-2"}))
    assert len(waits) == 2
    publish(status=500)
    monotonic.advance(31)
    with pytest.raises(errors.Unconfirmed):
        issuer.verify(signer.token(), fresh=True)
    assert len(waits) == 3
    issuer.close()

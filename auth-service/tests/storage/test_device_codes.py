"""Device codes in every implementation of the store."""

from collections import Counter
from dataclasses import replace

import pytest
from auth_service.domain.oauth.device_code import DeviceCode, DeviceStatus
from auth_service.domain.oauth.errors import AuthorizationPending, SlowDown
from auth_service.domain.opaque_tokens import digest_of
from auth_service.use_cases.oauth.device_code_grant import DeviceCodeGrant

from .concurrency import at_once

NOW = 1_800_000_000.0


@pytest.fixture
def rules(store, make_rules):
    return make_rules(store)


CODE = DeviceCode(
    digest_of("device"),
    digest_of("user"),
    "cli",
    frozenset({"orders:read", "profile:read"}),
    ("orders-service", "users-service"),
    expires_at=NOW + 600,
    next_poll_at=NOW,
)


def test_device_code_is_read_as_stored(store):
    with store.transaction() as tx:
        assert tx.device_codes.add(CODE) is True
        assert tx.device_codes.add(replace(CODE, digest=digest_of("other"))) is False
        assert tx.device_codes.get_for_update(CODE.digest) == CODE
    with store.reading() as tx:
        assert tx.device_codes.find_by_digest(CODE.digest) == CODE
        assert tx.device_codes.find_by_user_code(CODE.user_code_digest) == CODE
        assert tx.device_codes.find_by_digest(b"none") is None
        assert tx.device_codes.find_by_user_code(b"none") is None


def test_device_code_changes_state_once(store, rules):
    sub = rules.account().sub
    with store.transaction() as tx:
        tx.device_codes.add(CODE)
        assert tx.device_codes.mark_used(CODE.digest) is False
        assert tx.device_codes.approve(CODE.digest, sub, ("pwd",), NOW) is True
        assert tx.device_codes.deny(CODE.digest, sub) is False
        assert tx.device_codes.mark_used(CODE.digest) is True
        assert tx.device_codes.mark_used(CODE.digest) is False
        tx.device_codes.set_next_poll(CODE.digest, NOW + 10)
    with store.reading() as tx:
        assert tx.device_codes.find_by_digest(CODE.digest) == replace(
            CODE,
            status=DeviceStatus.USED,
            sub=sub,
            methods=("pwd",),
            auth_time=NOW,
            next_poll_at=NOW + 10,
        )


def test_parallel_polls_open_one_session(database, make_rules):
    rules = make_rules(database)
    account = rules.account()
    with database.transaction() as tx:
        tx.device_codes.add(CODE)
        tx.device_codes.approve(CODE.digest, account.sub, ("pwd",), NOW)
    grant = DeviceCodeGrant(database, rules.token_issuer)

    answers = at_once(20, lambda _: grant(rules.client("cli"), "device"))

    assert len([answer for answer in answers if not isinstance(answer, Exception)]) == 1
    with database.reading() as tx:
        assert len(tx.sessions.list_active(account.sub, NOW)) == 1


def test_parallel_pending_polls_slow_down(database, make_rules):
    rules = make_rules(database)
    with database.transaction() as tx:
        tx.device_codes.add(CODE)
    grant = DeviceCodeGrant(database, rules.token_issuer)

    answers = at_once(8, lambda _: grant(rules.client("cli"), "device"))

    assert Counter(type(answer) for answer in answers) == {AuthorizationPending: 1, SlowDown: 7}


def test_expired_device_code_is_pruned(database, clock):
    with database.transaction() as tx:
        tx.device_codes.add(CODE)
    clock.advance(601)
    assert database.prune(clock()) == 0
    clock.advance(600)
    assert database.prune(clock()) == 1

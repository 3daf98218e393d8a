"""Public halves of former signing keys in every implementation of the store."""

import pytest
from auth_service.domain.oauth.id_token import HintKey

KEY = HintKey("k" * 43, b"\x30\x00 DER", keep_until=1_800_000_060.5)


def test_hint_key_is_read_as_stored(store):
    with store.transaction() as tx:
        tx.hint_keys.add(KEY)
        tx.hint_keys.add(HintKey(KEY.kid, b"another", 1.0))

    with store.reading() as tx:
        assert tx.hint_keys.get(KEY.kid) == KEY
        assert tx.hint_keys.get("other") is None


def test_deleted_hint_key_is_gone(store):
    with store.transaction() as tx:
        tx.hint_keys.add(KEY)

    with store.transaction() as tx:
        assert [tx.hint_keys.delete(KEY.kid), tx.hint_keys.delete(KEY.kid)] == [True, False]
        assert tx.hint_keys.get(KEY.kid) is None


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_unneeded_hint_key_is_pruned(request, database):
    store = request.getfixturevalue(database)
    with store.transaction() as tx:
        tx.hint_keys.add(KEY)

    assert [store.prune(KEY.keep_until), store.prune(KEY.keep_until + 1)] == [0, 1]

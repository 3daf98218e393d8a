"""Audiences and roles added at run time, in every implementation of the store."""

from contextlib import suppress

import pytest
from auth_service.domain.oauth.registry import Audience, Role

NOW = 1_800_000_000.0
APP = Audience("my-app", {"things:write": "Change things", "things:read": "See things"})
CLERK = Role("clerk", frozenset({"things:read", "orders:read"}))


@pytest.fixture
def kept(store):
    """The store, with an audience and a role."""
    with store.transaction() as tx:
        tx.registry.save_audience(APP, NOW)
        tx.registry.save_role(CLERK, NOW)
    return store


def test_registry_without_rows_is_the_files(store):
    with store.reading() as tx:
        assert tx.registry.get() == tx.registry.fixed


def test_rows_are_read_as_saved(kept):
    with kept.reading() as tx:
        registry = tx.registry.get()
        assert registry.audiences["my-app"] == APP
        assert list(registry.audiences["my-app"].scopes) == list(APP.scopes)
        assert registry.roles["clerk"] == CLERK
        assert registry.audiences.keys() - {"my-app"} == tx.registry.fixed.audiences.keys()


def test_change_is_read_in_its_transaction(kept):
    with kept.transaction() as tx:
        assert tx.registry.get_for_update().roles["clerk"] == CLERK
        tx.registry.save_role(Role("clerk"), NOW + 1)
        assert tx.registry.get().roles["clerk"] == Role("clerk")
        tx.registry.delete_audience("my-app")
        assert "my-app" not in tx.registry.get_locked().audiences
        tx.registry.delete_role("clerk")
    with kept.reading() as tx:
        assert tx.registry.get() == tx.registry.fixed


def test_saved_role_of_file_stays_default(kept):
    with kept.transaction() as tx:
        tx.registry.save_role(Role("customer", frozenset({"things:read"})), NOW)
    with kept.reading() as tx:
        assert tx.registry.get().roles["customer"] == Role(
            "customer", frozenset({"things:read"}), default=True
        )


def test_unsaved_role_can_be_deleted(kept):
    with kept.transaction() as tx:
        tx.registry.delete_role("customer")
        assert tx.registry.get().roles["customer"] == tx.registry.fixed.roles["customer"]


def test_failed_change_is_undone(kept):
    with suppress(ZeroDivisionError), kept.transaction() as tx:
        tx.registry.delete_audience("my-app")
        raise ZeroDivisionError
    with kept.reading() as tx:
        assert tx.registry.get().audiences["my-app"] == APP

"""Registered clients in every implementation of the store."""

from dataclasses import replace

import pytest
from auth_service.domain.oauth.client_metadata import parse_client
from auth_service.use_cases.sessions.end_sessions import end_sessions_of_client
from sqlalchemy import text

from .concurrency import at_once

NOW = 1_800_000_000.0


@pytest.fixture
def rules(store, make_rules):
    return make_rules(store)


SHOP = parse_client("shop", {"name": "Shop", "confidential": True, "scopes": ["orders:read"]})


def test_client_is_read_as_registered(store):
    kept = replace(SHOP, secret_hash="0" * 64)
    with store.transaction() as tx:
        assert tx.clients.add(kept, NOW) is True
        assert tx.clients.add(SHOP, NOW) is False
    with store.reading() as tx:
        assert tx.clients.get("shop") == kept
        assert tx.clients.get("none") is None
        assert tx.clients.list_all() == [kept]


def test_client_is_changed_and_disabled(store):
    with store.transaction() as tx:
        tx.clients.add(SHOP, NOW)
        tx.clients.replace(replace(SHOP, name="Other", secret_hash="1" * 64))
        assert tx.clients.get_for_update("shop") == replace(SHOP, name="Other", secret_hash="1" * 64)
        assert tx.clients.lock_enabled("shop") is True
        tx.clients.set_disabled("shop", NOW)
        assert tx.clients.lock_enabled("shop") is False
        assert tx.clients.get("shop").enabled is False
        tx.clients.set_disabled("shop", None)
        assert tx.clients.get("shop").enabled is True
        assert tx.clients.lock_enabled("no client of the database") is True


def test_origins_of_enabled_clients_are_listed(store):
    page = parse_client("page", {"origins": ["https://b.example", "https://a.example"]})
    with store.transaction() as tx:
        tx.clients.add(SHOP, NOW)
        assert tx.clients.list_origins() == set()
        tx.clients.add(page, NOW)
        assert tx.clients.get("page") == page
        assert tx.clients.list_origins() == page.origins
        tx.clients.replace(replace(page, origins=frozenset({"https://c.example"})))
        assert tx.clients.list_origins() == {"https://c.example"}
        tx.clients.set_disabled("page", NOW)
        assert tx.clients.list_origins() == set()


def test_invalid_stored_client_is_absent(database):
    with database._database.begin() as db:
        db.execute(
            text(
                """INSERT INTO registered_clients (client_id, definition, created_at) VALUES ('old', '{"colour": "red"}', 1)"""
            )
        )
    with database.reading() as tx:
        assert tx.clients.get("old") is None
        assert tx.clients.list_all() == []


@pytest.mark.parametrize("rounds", [10])
def test_login_racing_disable_leaves_no_session(database, make_rules, rounds):
    rules = make_rules(database)
    account = rules.account()
    for round_number in range(rounds):
        client = rules.register(f"app{round_number}", grants=frozenset({"refresh_token"}))
        client = replace(client, audiences=frozenset({"users-service"}), scopes=frozenset({"profile:read"}))
        rules.fixed._clients[client.client_id] = client
        with database.transaction() as tx:
            tx.clients.add(client, NOW)

        def work(number, client_id=client.client_id):
            if number:
                return rules.open(account, client_id)
            with database.transaction() as tx:
                tx.clients.get_for_update(client_id)
                tx.clients.set_disabled(client_id, NOW)
                return end_sessions_of_client(tx, client_id, NOW)

        at_once(4, work)

        with database.reading() as tx:
            assert tx.sessions.list_active_of_client(client.client_id, NOW) == []

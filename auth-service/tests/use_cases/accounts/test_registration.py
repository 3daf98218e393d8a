"""Registration."""

import uuid


def test_registration_creates_a_customer(rules, register, log_in):
    sub = register("New@Example.com", "password", " New ")

    with rules.store.reading() as tx:
        account = tx.accounts.find_by_email("new@example.com")
    assert (account.sub, account.name, account.roles) == (sub, "New", {"customer"})
    assert log_in("new@example.com").access_token


def test_registration_of_known_address_costs_same(rules, alice, register):
    fresh = register("fresh@example.com", "password", "F")
    work = list(rules.hasher.work)
    taken = register("alice@example.com", "password", "F")

    assert work == ["hash"]
    assert rules.hasher.work == work * 2
    assert uuid.UUID(fresh).version == uuid.UUID(taken).version == 4
    assert taken != alice.sub
    with rules.store.reading() as tx:
        assert tx.accounts.find_by_email("alice@example.com") == alice
        assert tx.accounts.get(taken) is None

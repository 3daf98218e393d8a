"""Fixtures of accounts and mailed links."""

import pytest
from auth_service.use_cases.accounts.email_verification import EmailVerification, SendVerification
from auth_service.use_cases.accounts.login import Login, RequestedAccess
from auth_service.use_cases.accounts.password_change import PasswordChange
from auth_service.use_cases.accounts.password_reset import (
    PasswordReset,
    PasswordResetRequest,
)
from auth_service.use_cases.accounts.registration import Registration

from ...fakes.outbox import FakeOutbox


class World:
    """Registration, verification and reset over one store."""

    def __init__(self, rules, outbox):
        self.rules, self.outbox, self.store = rules, outbox, rules.store
        issuer = "http://localhost:8080"
        send_verification = SendVerification(outbox, issuer, rules.clock)
        self.register = Registration(rules.store, rules.hasher, rules.clock, send_verification)
        self.verify = EmailVerification(rules.store, send_verification, rules.clock)
        self.ask = PasswordResetRequest(rules.store, outbox, issuer, rules.clock)
        self.reset = PasswordReset(rules.store, rules.hasher, rules.clock)
        self.change = PasswordChange(rules.store, rules.hasher, rules.clock)
        self._log_in = Login(rules.store, rules.clients, rules.hasher, rules.token_issuer)

    def newcomer(self, email="new@example.com"):
        self.register(email, "their password", "New")
        with self.store.reading() as tx:
            return tx.accounts.find_by_email(email)

    def log_in(self, email="new@example.com", password="their password", scopes=None, audiences=()):
        return self._log_in(email, password, RequestedAccess("cli", scopes, audiences))

    def claims(self, answer):
        return self.rules.signer.claims[answer.access_token]

    def account(self, sub):
        with self.store.reading() as tx:
            return tx.accounts.get(sub)


@pytest.fixture
def world(database, make_rules, outbox):
    return World(make_rules(database), outbox)


@pytest.fixture
def quick(memory, make_rules, outbox):
    """The same over a store in memory, for rules that need no database."""
    return World(make_rules(memory), outbox)


@pytest.fixture
def register(rules):
    send_verification = SendVerification(FakeOutbox(), "http://localhost:8080", rules.clock)
    return Registration(rules.store, rules.hasher, rules.clock, send_verification)


@pytest.fixture
def log_in(rules):
    use_case = Login(rules.store, rules.clients, rules.hasher, rules.token_issuer)

    def call(email="alice@example.com", password="password", client="cli", scopes=None, audiences=()):
        return use_case(email, password, RequestedAccess(client, scopes, audiences))

    return call

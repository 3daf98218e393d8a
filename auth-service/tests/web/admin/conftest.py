"""Accounts that are logged in, requests of an administrator, and the audit log."""

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.storage.unit_of_work import SqlStore

from ..helpers import bearer, claims_of


@pytest.fixture
def log_in(log_in):
    """`log_in(name)`: the tokens of an account, their claims and the header that sends them."""

    def of(name):
        tokens = log_in(f"{name}@example.com")
        return {**claims_of(tokens["access_token"]), "bearer": bearer(tokens), **tokens}

    return of


@pytest.fixture
def admin(log_in):
    return log_in("admin")


@pytest.fixture
def alice(log_in):
    return log_in("alice")


@pytest.fixture
def send(client, admin):
    return lambda method, path, **more: client.open(
        path, method=method, **({"headers": admin["bearer"]} | more)
    )


@pytest.fixture
def events(app):
    """`events(kind)`: the audit entries of this event, newest first."""

    def read(kind):
        with SqlStore(app.extensions["engine"]).reading() as tx:
            return tx.audit.list_newest(AuditQuery(event=kind), 100)

    return read

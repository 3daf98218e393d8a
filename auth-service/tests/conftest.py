"""The fixtures of all tests of auth-service."""

from .fixtures.app import (
    app,
    client,
    hasher,
    keys_dir,
    lose_database,
    made_keys,
    make_app,
    outbox,
)
from .fixtures.environment import clock, environment, free_port, logged, silent_port
from .fixtures.rules import make_rules, rules
from .fixtures.stores import (
    database,
    memory,
    migrated,
    postgresql,
    postgresql_migrated,
    settled,
    sqlite,
    sqlite_file,
    store,
)

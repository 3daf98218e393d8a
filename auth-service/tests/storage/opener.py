"""Another process of the mint, for the tests: opens sessions as fast as it can, and says which bit each has."""

import json
import sys

from auth_service.domain.sessions import Session
from auth_service.storage.statuses import StatusPlan
from auth_service.storage.store import SqlStore
from service_kit.database import open_database


def main(url, sub, name, count, size):
    store = SqlStore(open_database(url), lambda: 1_800_000_000.0, plan=StatusPlan(size))
    for number in range(count):
        session = Session(
            sid=f"{name}-{number}",
            sub=sub,
            client_id="cli",
            scopes=frozenset(),
            audiences=(),
            methods=("pwd",),
            auth_time=1.0,
            expires_at=1_900_000_000.0,
        )
        with store.transaction() as tx:
            sys.stdout.write(json.dumps(tx.sessions.add(session).status) + "\n")


if __name__ == "__main__":
    main(**json.load(sys.stdin))

"""Processes of auth-service for the tests: each opens sessions as fast as it can and prints the bit of each."""

import json
import multiprocessing
import os
import sys

from auth_service.domain.sessions.session import Session
from auth_service.storage.status_bits import StatusPlan
from auth_service.storage.unit_of_work import SqlStore
from service_kit.database import open_database


def open_sessions(url, sub, name, count, size):
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
            status = tx.sessions.add(session).status
        os.write(1, f"{json.dumps(status)}\n".encode())


if __name__ == "__main__":
    facts = json.loads(sys.argv[1])
    context = multiprocessing.get_context("fork")  # so that what they need is imported once
    names = map(str, range(facts.pop("processes")))
    processes = [context.Process(target=open_sessions, kwargs=facts | {"name": name}) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))

"""Another process of auth-service for the tests: runs one action with the given keys and prints its result as JSON."""

import json
import multiprocessing
import os
import sys
from pathlib import Path

from auth_service.domain.signing_keys import KeyTimes
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.key_storage_settings import SigningStore
from auth_service.storage.replica_lock import replicas_lock
from auth_service.storage.unit_of_work import SqlStore
from auth_service.use_cases.admin.key_rotation import ScheduledKeyRotation
from pydantic import SecretStr
from service_kit.database import open_database
from service_kit.database.engine import file_lock

TIMES = KeyTimes.of(jwks_max_age=60, access_ttl=300)
REPLICAS = 10
PATIENCE = 120  # seconds, for a busy machine


def key_ring_of(facts, lock=None):
    module = Path(facts["module"]) if facts["kind"] == "pkcs11" else None
    pin = SecretStr(facts["pin"]) if facts["pin"] else None
    passphrase = SecretStr(facts["passphrase"]) if facts.get("passphrase") else None
    store = SigningStore(facts["kind"], Path(facts["folder"]), passphrase, module, facts["token"], pin)
    key_storage = store.storage(lock or (lambda: file_lock(Path(facts["lock"]))))
    return KeyRing(key_storage, TIMES, lambda: facts["now"])


def rotate(facts):
    return key_ring_of(facts).rotate()


def sign_on_both_sides_of_a_fork(facts):
    """Sign, fork, sign in the child and in the parent, and return the three tokens."""
    key_ring = key_ring_of(facts)
    tokens = [key_ring.sign({"a": 1}, typ="at+jwt")]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, key_ring.sign({"a": 2}, typ="at+jwt").encode())
        os._exit(0)
    os.waitpid(child, 0)
    tokens += [os.read(reading, 8192).decode(), key_ring.sign({"a": 3}, typ="at+jwt")]
    return tokens


def rotate_in_ten_processes(facts):
    """Run the scheduled rotation in ten processes at the same moment, and return their exit statuses."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(REPLICAS)
    replicas = [context.Process(target=rotate_by_schedule, args=(facts, barrier)) for _ in range(REPLICAS)]
    for replica in replicas:
        replica.start()
    for replica in replicas:
        replica.join(2 * PATIENCE)
    return [replica.exitcode for replica in replicas]


def rotate_by_schedule(facts, barrier):
    engine = open_database(facts["database"])
    lock = replicas_lock(engine, "keys")
    barrier.wait(PATIENCE)
    key_ring = key_ring_of(facts, lock)
    rotation = ScheduledKeyRotation(
        SqlStore(engine, lambda: facts["now"]),
        key_ring,
        facts["interval"],
        lambda: facts["now"],
        session_life=3600,
    )
    barrier.wait(PATIENCE)
    rotation()


ACTIONS = {"rotate": rotate, "fork": sign_on_both_sides_of_a_fork, "race": rotate_in_ten_processes}

if __name__ == "__main__":
    print(json.dumps(ACTIONS[sys.argv[1]](json.loads(sys.argv[2]))))  # noqa: T201 - its answer

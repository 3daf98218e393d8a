"""The store and the audit log in memory."""

import copy
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from auth_service.domain.audit_log import AuditEntry
from auth_service.domain.opaque_tokens import new_id
from auth_service.domain.request_context import current_origin
from auth_service.use_cases.security_events.emitter import SecurityEventEmitter

from .accounts import MemoryAccounts, MemoryFailedLogins, MemoryOneTimeTokens
from .clock import START
from .oauth import (
    MemoryClients,
    MemoryCodes,
    MemoryConsents,
    MemoryDeviceCodes,
    MemoryHintKeys,
    MemoryRegistryRows,
    MemoryTokens,
)
from .security_events import MemoryQueuedEvents, MemoryStreams
from .sessions import MemoryBrowsers, MemorySessions, MemoryStatuses


class MemoryStore:
    """The domain's Store, and all its repositories, in dictionaries; what raises changes nothing."""

    def __init__(self):
        self.rows = defaultdict(dict, audit=[])
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self):
        with self._lock:
            before = copy.deepcopy(self.rows)
            self.txn = new_id()
            try:
                yield self
            except BaseException:
                self.rows = before
                raise

    @contextmanager
    def reading(self):
        with self._lock:
            yield self

    joining = reading

    def __getattr__(self, name):
        """Return the repository of this name, over the rows as they are now."""
        if name not in REPOSITORIES:
            raise AttributeError(name)
        return REPOSITORIES[name](self)

    def announce(self):
        """Do nothing: no other process reads these rows."""


@dataclass
class MemoryAudit:
    rows: list

    def record(self, *events):
        origin = current_origin()
        for event in events:
            facts = asdict(event) | {"actor": event.actor or origin.operator}
            facts |= {"address": origin.address, "request_id": origin.request_id}
            self.rows.append(AuditEntry(id=len(self.rows) + 1, at=float(START), **facts))

    def list_newest(self, query, limit):
        found = [
            each
            for each in reversed(self.rows)
            if (query.before is None or each.id < query.before)
            and (query.since is None or each.at >= query.since)
            and query.event in {None, each.event}
        ]
        return found[:limit]


@dataclass
class MemoryUsedAssertions:
    rows: dict

    def add(self, client_id, jti, until):
        return self.rows.setdefault((client_id, jti), until) is until


REPOSITORIES = {
    "accounts": lambda store: MemoryAccounts(store.rows["accounts"]),
    "sessions": lambda store: MemorySessions(store.rows["sessions"], store.statuses),
    "statuses": lambda store: MemoryStatuses(
        store.rows["bits"], store.rows["sessions"], store.rows["client_bits"]
    ),
    "listeners": lambda store: [SecurityEventEmitter(store)],
    "streams": lambda store: MemoryStreams(store.rows["streams"], store.rows["signals"]),
    "queued_events": lambda store: MemoryQueuedEvents(
        store.rows["signals"], store.rows["streams"], store.txn
    ),
    "refresh_tokens": lambda store: MemoryTokens(store.rows["tokens"], store.rows["sessions"]),
    "used_assertions": lambda store: MemoryUsedAssertions(store.rows["assertions"]),
    "hint_keys": lambda store: MemoryHintKeys(store.rows["hint_keys"]),
    "failed_logins": lambda store: MemoryFailedLogins(store.rows["slow_downs"]),
    "device_codes": lambda store: MemoryDeviceCodes(store.rows["devices"]),
    "registry": lambda store: MemoryRegistryRows(store.rows["registry"]),
    "clients": lambda store: MemoryClients(store.rows["clients"]),
    "audit": lambda store: MemoryAudit(store.rows["audit"]),
    "authorization_codes": lambda store: MemoryCodes(store.rows["codes"]),
    "browser_sessions": lambda store: MemoryBrowsers(store.rows["browsers"]),
    "one_time_tokens": lambda store: MemoryOneTimeTokens(store.rows["mailed"]),
    "consents": lambda store: MemoryConsents(store.rows["consents"]),
}

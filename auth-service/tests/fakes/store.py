"""The store and the audit log in memory."""

import copy
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from auth_service.domain.audit_log import AuditEntry
from auth_service.domain.opaque_tokens import new_id
from auth_service.domain.request_context import current_origin
from auth_service.use_cases.security_events.emitter import SecurityEventEmitter

from .accounts import MemoryAccounts, MemoryFailedLogins, MemoryOneTimeTokens
from .clock import START
from .oauth import MemoryClients, MemoryCodes, MemoryConsents, MemoryDeviceCodes, MemoryHintKeys, MemoryTokens
from .security_events import MemoryQueuedEvents, MemoryStreams
from .sessions import MemoryBrowsers, MemorySessions, MemoryStatuses


class MemoryStore:
    """The domain's Store, and all its repositories, in dictionaries; what raises changes nothing."""

    def __init__(self):
        tables = (
            "accounts",
            "sessions",
            "tokens",
            "assertions",
            "codes",
            "browsers",
            "consents",
            "mailed",
            "bits",
            "client_bits",
            "streams",
            "signals",
            "hint_keys",
        )
        self.rows = {name: {} for name in tables} | {
            "audit": [],
            "clients": {},
            "devices": {},
            "slow_downs": {},
        }
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

    @property
    def accounts(self):
        return MemoryAccounts(self.rows["accounts"])

    @property
    def sessions(self):
        return MemorySessions(self.rows["sessions"], self.statuses)

    @property
    def statuses(self):
        return MemoryStatuses(self.rows["bits"], self.rows["sessions"], self.rows["client_bits"])

    @property
    def listeners(self):
        return [SecurityEventEmitter(self)]

    @property
    def streams(self):
        return MemoryStreams(self.rows["streams"], self.rows["signals"])

    @property
    def queued_events(self):
        return MemoryQueuedEvents(self.rows["signals"], self.rows["streams"], self.txn)

    def announce(self):
        """Do nothing: no other process reads these rows."""

    @property
    def refresh_tokens(self):
        return MemoryTokens(self.rows["tokens"], self.rows["sessions"])

    @property
    def used_assertions(self):
        return MemoryUsedAssertions(self.rows["assertions"])

    joining = reading

    @property
    def hint_keys(self):
        return MemoryHintKeys(self.rows["hint_keys"])

    @property
    def failed_logins(self):
        return MemoryFailedLogins(self.rows["slow_downs"])

    @property
    def device_codes(self):
        return MemoryDeviceCodes(self.rows["devices"])

    @property
    def clients(self):
        return MemoryClients(self.rows["clients"])

    @property
    def audit(self):
        return MemoryAudit(self.rows["audit"])

    @property
    def authorization_codes(self):
        return MemoryCodes(self.rows["codes"])

    @property
    def browser_sessions(self):
        return MemoryBrowsers(self.rows["browsers"])

    @property
    def one_time_tokens(self):
        return MemoryOneTimeTokens(self.rows["mailed"])

    @property
    def consents(self):
        return MemoryConsents(self.rows["consents"])


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

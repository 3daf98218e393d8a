"""Event streams and their queues in dictionaries."""

import itertools
from dataclasses import dataclass, replace

from auth_service.domain.opaque_tokens import new_id
from auth_service.domain.security_events.event import KEEP_SECONDS, MAX_QUEUED, QueueDepth, QueuedEvent
from auth_service.domain.security_events.stream import DeliveryMethod


@dataclass
class MemoryStreams:
    rows: dict
    signals: dict

    def add(self, stream):
        self.rows[stream.stream_id] = stream

    replace = add

    def get(self, stream_id):
        return self.rows.get(stream_id)

    def list_of_client(self, client_id):
        return [each for each in self.list_all() if each.client_id == client_id]

    list_for_update = list_of_client

    def list_all(self):
        return sorted(self.rows.values(), key=lambda each: (each.created_at, each.stream_id))

    def list_due(self, now):
        waiting = {signal.stream_id for signal, next_try in self.signals.values() if next_try <= now}
        pushed = [each for each in self.list_all() if each.method == DeliveryMethod.PUSH]
        return [each for each in pushed if each.status == "enabled" and each.stream_id in waiting]

    def delete(self, stream_id):
        self.rows.pop(stream_id, None)


@dataclass
class MemoryQueuedEvents:
    rows: dict  # by jti: a signal, and when it is tried next
    streams: dict
    txn: str

    def add_to_streams(self, *happenings):
        for told, stream in itertools.product(happenings, self.streams.values()):
            if stream.status != "disabled" and told.event in stream.delivered:
                facts = (told.event, told.body, float(told.body["event_timestamp"]), told.sub, told.sid)
                self.add(QueuedEvent(new_id(), stream.stream_id, self.txn, *facts))

    def add(self, signal):
        self.rows[signal.jti] = (signal, signal.created_at)

    def list_oldest(self, stream_id, limit):
        found = [signal for signal, _ in self.rows.values() if signal.stream_id == stream_id]
        return sorted(found, key=lambda each: each.created_at)[:limit]

    def claim(self, stream_id, now, until, limit):
        due = [each for each in self.list_oldest(stream_id, len(self.rows)) if self.rows[each.jti][1] <= now]
        claimed = [replace(each, attempts=each.attempts + 1) for each in due[:limit]]
        self.rows.update({each.jti: (each, until) for each in claimed})
        return claimed

    def postpone(self, signal, until):
        mine = signal.jti in self.rows and self.rows[signal.jti][0].attempts == signal.attempts
        if mine:
            self.rows[signal.jti] = (signal, until)
        return mine

    def delete(self, stream_id, jtis):
        mine = [jti for jti in set(jtis) if jti in self.rows and self.rows[jti][0].stream_id == stream_id]
        for jti in mine:
            del self.rows[jti]
        return len(mine)

    def delete_all(self, stream_id):
        return self.delete(stream_id, list(self.rows))

    def delete_stale(self, now):
        kept = {jti for each in self.streams for jti in self._kept(each, now)}
        gone = [jti for jti in self.rows if jti not in kept]
        for jti in gone:
            del self.rows[jti]
        return len(gone)

    def _kept(self, stream_id, now):
        waiting = self.list_oldest(stream_id, len(self.rows))[-MAX_QUEUED:]
        return [each.jti for each in waiting if each.created_at >= now - KEEP_SECONDS]

    def newest_id(self):
        newest = max(
            (signal for signal, _ in self.rows.values()), key=lambda each: each.created_at, default=None
        )
        return newest and newest.jti

    def depths(self, now):
        depths = {}
        for signal, _ in self.rows.values():
            stream = self.streams.get(signal.stream_id)
            if stream is not None:
                old = depths.get(stream.method, QueueDepth(stream.method, 0, 0.0))
                age = max(old.oldest, now - signal.created_at)
                depths[stream.method] = QueueDepth(stream.method, old.waiting + 1, age)
        return list(depths.values())

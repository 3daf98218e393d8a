"""Clients, consents, codes and refresh tokens in dictionaries."""

from dataclasses import dataclass, replace

from auth_service.adapters.registry_files import packaged_rows
from auth_service.domain.oauth.device_code import DeviceStatus
from auth_service.domain.oauth.refresh_token import StoredRefreshToken


@dataclass
class MemoryClients:
    rows: dict

    def add(self, client, at):
        return self.rows.setdefault(client.client_id, client) is client

    def get(self, client_id):
        return self.rows.get(client_id)

    get_for_update = get

    def list_all(self):
        return [self.rows[client_id] for client_id in sorted(self.rows)]

    def list_origins(self):
        return frozenset().union(*(client.origins for client in self.rows.values() if client.enabled))

    def replace(self, client):
        self.rows[client.client_id] = client

    def set_disabled(self, client_id, at):
        self.rows[client_id] = replace(self.rows[client_id], enabled=at is None)

    def lock_enabled(self, client_id):
        return client_id not in self.rows or self.rows[client_id].enabled


@dataclass
class MemoryRegistryRows:
    rows: dict
    fixed = packaged_rows().registry

    def get(self):
        named = self.rows.items()
        return self.fixed.extended(
            [row for (kind, _), row in named if kind == "audience"],
            [row for (kind, _), row in named if kind == "role"],
        )

    get_locked = get_for_update = get

    def save_audience(self, audience, at):
        self.rows["audience", audience.name] = audience

    def delete_audience(self, name):
        self.rows.pop(("audience", name))

    def save_role(self, role, at):
        self.rows["role", role.name] = role

    def delete_role(self, name):
        self.rows.pop(("role", name), None)


@dataclass
class MemoryConsents:
    rows: dict

    def get(self, sub, client_id):
        return self.rows.get((sub, client_id))

    def save(self, consent):
        self.rows[consent.sub, consent.client_id] = consent


@dataclass
class MemoryCodes:
    rows: dict

    def add(self, code):
        self.rows[code.digest] = code

    def find_by_digest(self, digest):
        return self.rows.get(digest)

    def mark_used(self, digest, at):
        code = self.rows.get(digest)
        if code is None or code.used_at is not None:
            return False
        self.rows[digest] = replace(code, used_at=at)
        return True

    def set_session(self, digest, sid):
        self.rows[digest] = replace(self.rows[digest], sid=sid)


@dataclass
class MemoryDeviceCodes:
    rows: dict

    def add(self, code):
        if self.find_by_user_code(code.user_code_digest):
            return False
        self.rows[code.digest] = code
        return True

    def find_by_digest(self, digest):
        return self.rows.get(digest)

    get_for_update = find_by_digest

    def find_by_user_code(self, digest):
        return next((each for each in self.rows.values() if each.user_code_digest == digest), None)

    def set_next_poll(self, digest, next_poll_at):
        self.rows[digest] = replace(self.rows[digest], next_poll_at=next_poll_at)

    def approve(self, digest, sub, methods, auth_time):
        return self._swap(digest, "pending", "approved", sub=sub, methods=methods, auth_time=auth_time)

    def deny(self, digest, sub):
        return self._swap(digest, "pending", "denied", sub=sub)

    def mark_used(self, digest):
        return self._swap(digest, "approved", "used")

    def _swap(self, digest, old, new, **facts):
        if digest not in self.rows or self.rows[digest].status != old:
            return False
        self.rows[digest] = replace(self.rows[digest], status=DeviceStatus(new), **facts)
        return True


@dataclass
class MemoryTokens:
    rows: dict
    sessions: dict

    def add(self, token):
        self.rows[token.digest] = token

    def find_by_digest(self, digest):
        token = self.rows.get(digest)
        after = self.rows.get(token.successor) if token else None
        return (
            None
            if token is None
            else StoredRefreshToken(token, after is not None and after.used_at is not None)
        )

    def replace(self, digest, successor, sealed, at):
        token = self.rows.get(digest)
        if token is None or token.used_at is not None or self.sessions[token.sid].ended_at is not None:
            return False
        self.rows[digest] = replace(token, used_at=at, successor=successor.digest, sealed=sealed)
        self.rows[successor.digest] = successor
        return True


@dataclass
class MemoryHintKeys:
    rows: dict

    def add(self, key):
        self.rows.setdefault(key.kid, key)

    def get(self, kid):
        return self.rows.get(kid)

    def delete(self, kid):
        return self.rows.pop(kid, None) is not None

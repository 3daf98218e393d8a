"""Accounts, one-time tokens and failed log-ins in dictionaries."""

from dataclasses import dataclass, replace

from auth_service.domain.accounts.failed_logins import FailureCount


@dataclass
class MemoryAccounts:
    rows: dict

    def add(self, account):
        if self.find_by_email(account.email):
            return False
        self.rows[account.sub] = account
        return True

    def find_by_email(self, email):
        return next((each for each in self.rows.values() if each.email == email), None)

    def get(self, sub):
        return self.rows.get(sub)

    get_for_update = get

    def set_password_hash(self, sub, password_hash):
        self.rows[sub] = replace(self.rows[sub], password_hash=password_hash)

    def set_email_verified(self, sub, at):
        unverified = self.rows[sub].email_verified_at is None
        if unverified:
            self.rows[sub] = replace(self.rows[sub], email_verified_at=at)
        return unverified

    def set_disabled(self, sub, at):
        self.rows[sub] = replace(self.rows[sub], disabled_at=at)

    def list_with_role(self, role):
        return [each for _, each in sorted(self.rows.items()) if role in each.roles]

    def set_roles(self, sub, roles):
        self.rows[sub] = replace(self.rows[sub], roles=roles)

    def list_page(self, after, limit):
        return [self.rows[sub] for sub in sorted(self.rows) if after is None or sub > after][:limit]


@dataclass
class MemoryOneTimeTokens:
    rows: dict

    def add(self, *tokens):
        self.rows.update({token.digest: token for token in tokens})

    def get(self, digest):
        return self.rows.get(digest)

    def find_by_binding(self, purpose, email, binding_digest):
        wanted = (purpose, email, binding_digest)
        return next(
            (
                each
                for each in self.rows.values()
                if (each.purpose, each.email, each.binding_digest) == wanted
            ),
            None,
        )

    def count_unexpired(self, purpose, email, now):
        live = [each for each in self.rows.values() if each.expires_at > now]
        return sum((each.purpose, each.email) == (purpose, email) for each in live)

    def mark_used(self, digest, at):
        token = self.rows.get(digest)
        if token is None or not token.is_active(at):
            return False
        self.rows[digest] = replace(token, used_at=at)
        return True

    def take_try(self, digest, at):
        token = self.rows.get(digest)
        if token is None or not token.is_active(at) or not token.tries_left:
            return False
        self.rows[digest] = replace(token, tries_left=token.tries_left - 1)
        return True


@dataclass
class MemoryFailedLogins:
    rows: dict

    def find(self, keys):
        return {key: self.rows[key] for key in keys if key in self.rows}

    def add_failure(self, key, at, memory):
        old = self.rows.get(key, FailureCount(0, at, 0.0))
        failures = 1 if old.last_failure_at < at - memory else old.failures + 1
        self.rows[key] = replace(old, failures=failures, last_failure_at=at)
        return failures

    def block(self, key, until):
        self.rows[key] = replace(self.rows[key], blocked_until=until)

    def set_known_place(self, key, at):
        self.rows[key] = replace(self.rows.get(key, FailureCount(0, at, 0.0)), last_failure_at=at)

    def delete(self, keys):
        for key in keys:
            self.rows.pop(key, None)

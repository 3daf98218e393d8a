"""The use cases of administration, for routes and commands."""

from dataclasses import dataclass

from auth_service.domain.accounts.password import PasswordHasher
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import FixedClients
from auth_service.domain.signing_keys import KeyStore
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.admin.access import AdminAccess
from auth_service.use_cases.admin.accounts import AccountAdmin
from auth_service.use_cases.admin.audiences import AudienceAdmin
from auth_service.use_cases.admin.audit_log import AuditLogEntries
from auth_service.use_cases.admin.clients import ClientAdmin
from auth_service.use_cases.admin.roles import RoleAdmin
from auth_service.use_cases.admin.sessions import SessionAdmin
from auth_service.use_cases.admin.signing_keys import KeyAdmin


@dataclass(frozen=True, slots=True)
class Administration:
    """One field for each use case."""

    access: AdminAccess
    accounts: AccountAdmin
    sessions: SessionAdmin
    keys: KeyAdmin
    clients: ClientAdmin
    audiences: AudienceAdmin
    roles: RoleAdmin
    audit: AuditLogEntries

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - the parts of all use cases
        cls,
        store: Store,
        hasher: PasswordHasher,
        keys: KeyStore,
        fixed: FixedClients,
        now: Clock,
        session_life: float,
    ) -> "Administration":
        """Return the use cases, made of these parts."""
        return cls(
            AdminAccess(store, now),
            AccountAdmin(store, hasher, now),
            SessionAdmin(store, now),
            KeyAdmin(store, keys, session_life),
            ClientAdmin(store, fixed, now),
            AudienceAdmin(store, now),
            RoleAdmin(store, now),
            AuditLogEntries(store),
        )

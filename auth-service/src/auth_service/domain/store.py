"""The port to what is kept: transactions, and the repositories that take part in them."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the repositories' ports lie beside the rules that need them, and those need this
    from auth_service.domain.accounts import Accounts
    from auth_service.domain.assertions import Assertions
    from auth_service.domain.refresh_tokens import RefreshTokens
    from auth_service.domain.sessions import Sessions


class Transaction(Protocol):
    """One unit of work: everything done through it holds together, or not at all."""

    @property
    def accounts(self) -> "Accounts":
        """The accounts."""

    @property
    def sessions(self) -> "Sessions":
        """The log-in sessions."""

    @property
    def refresh_tokens(self) -> "RefreshTokens":
        """The refresh tokens."""

    @property
    def assertions(self) -> "Assertions":
        """The client assertions already used."""


class Store(Protocol):
    """Opens transactions. What the database itself raises passes through: it is nobody's decision here."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Read and write; committed when the block ends, rolled back when it raises."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """Read only, and never in a writer's way."""

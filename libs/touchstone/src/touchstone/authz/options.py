"""The options of `touchstone authz`, and the application made of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from touchstone.authz.app import ExternalAuthorization, leave_event_loop
from touchstone.authz.rule import Rule
from touchstone.issuer import Issuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The address to listen at, the rules, and the settings of the `Issuer`."""

    issuer: str
    rules: Sequence[Rule]
    host: str
    port: int
    backchannel: str | None
    jwks_path: str
    status_path: str
    snapshots: str | None
    ca: str | None

    def make_issuer(self) -> Issuer:
        """Return the issuer, for the audiences of all rules, without fetching anything. Raise ValueError."""
        return Issuer(
            self.issuer,
            audience={rule.audience for rule in self.rules},
            backchannel=self.backchannel,
            jwks_path=self.jwks_path,
            status_path=self.status_path,
            snapshots=self.snapshots,
            ca=self.ca,
            before_wait=leave_event_loop,
        )


def create_app(options: Options) -> ExternalAuthorization:
    """Return the application; failures to follow the issuer are logged to standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    return ExternalAuthorization(options.make_issuer(), options.rules)

"""The packaged registry, which has rows of its own for each service that was added to this tree."""

from auth_service.adapters.registry_files import packaged_rows

REGISTRY = packaged_rows().registry
CUSTOMER_SCOPES = REGISTRY.scopes_of(["customer"])

"""Everything that can be configured in users-service."""

from service_kit.database.url import DatabaseUrl
from service_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    """The shared settings, and where the profiles are kept."""

    database_url: DatabaseUrl

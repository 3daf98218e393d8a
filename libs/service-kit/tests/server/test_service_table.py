import pytest
from service_kit.server.service_table import GATEWAY, ROUTES_FILE, Service, ServiceTableError, read_services

STOCK = Service("stock_service", "STOCK", 9)


@pytest.fixture
def checkout(tmp_path):
    """`checkout(rows, *folders)`: the root of a checkout with these upstreams and services."""

    def make(rows, *folders):
        (tmp_path / ROUTES_FILE).parent.mkdir(parents=True)
        (tmp_path / ROUTES_FILE).write_text(rows)
        for name in folders:
            (tmp_path / name).mkdir()
            (tmp_path / name / "pyproject.toml").touch()
        return tmp_path

    return make


def test_own_server_is_run_as_module():
    assert GATEWAY.command(8080)[1:] == ["-m", "gateway"]
    assert GATEWAY.database is None


def test_others_are_served_by_granian_on_loopback():
    command = STOCK.command(9, workers=2)

    assert command[1:4] == ["-m", "granian", "--no-ws"]
    assert command[-1] == "stock_service.asgi:app"
    options = dict(zip(command[4:-1:2], command[5:-1:2], strict=True))
    assert (options["--host"], options["--port"], options["--workers"]) == ("127.0.0.1", "9", "2")


def test_services_are_the_folders_with_their_rows(checkout):
    rows = """
        [upstreams.two-words-service]
        settings = "TWO"
        port = 8
        timeout = 3.0
        [upstreams.stock-service]
        settings = "STOCK"
        port = 9
        """
    root = checkout(rows, "stock-service", "two-words-service", "docs")
    (root / "left-service" / "__pycache__").mkdir(parents=True)  # git keeps what it does not know

    services = read_services(root)

    assert list(services) == ["two-words-service", "stock-service", "gateway"]
    assert services["two-words-service"] == Service("two_words_service", "TWO", 8)
    assert (STOCK.port_setting, STOCK.url_setting, STOCK.database) == ("STOCK_PORT", "STOCK_URL", "stock.db")


def test_folders_and_rows_that_do_not_fit_are_named(checkout):
    root = checkout('[upstreams.b-service]\nsettings = "B"\nport = 1', "a-service")

    with pytest.raises(ServiceTableError) as error:
        read_services(root)

    assert str(error.value).splitlines() == [
        f"[upstreams.b-service] in {ROUTES_FILE} has no folder b-service/",
        f"a-service/ has no row [upstreams.a-service] in {ROUTES_FILE}",
    ]


@pytest.mark.parametrize("rows", ["", "[upstreams", "upstreams = 1", "[upstreams]\na = 1", "[upstreams.a]"])
def test_file_without_upstreams_is_refused(checkout, rows):
    with pytest.raises(ServiceTableError, match="cannot be read"):
        read_services(checkout(rows))

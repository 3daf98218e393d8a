from service_kit.server.service_table import SERVICES
from service_kit.settings import ServiceSettings


def test_own_server_is_run_as_module():
    assert SERVICES["gateway"].command(8080)[1:] == ["-m", "gateway"]


def test_others_are_served_by_granian_on_loopback():
    command = SERVICES["users-service"].command(9, workers=2)

    assert command[1:4] == ["-m", "granian", "--no-ws"]
    assert command[-1] == "users_service.asgi:app"
    options = dict(zip(command[4:-1:2], command[5:-1:2], strict=True))
    assert (options["--host"], options["--port"], options["--workers"]) == ("127.0.0.1", "9", "2")


def test_ports_are_those_of_settings():
    defaults = {name.upper(): field.default for name, field in ServiceSettings.model_fields.items()}

    assert {s.port_setting: s.port for s in SERVICES.values()} == {
        s.port_setting: defaults[s.port_setting] for s in SERVICES.values()
    }

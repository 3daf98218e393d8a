"""Another process of auth-service for the tests: does what each line requests, and answers with the time of commit."""

import json
import socket
import sys
import time

from auth_service.app import create_app
from auth_service.settings import Settings


def main(port):
    with socket.create_connection(("127.0.0.1", port)) as test, test.makefile("rw", buffering=1) as lines:

        def answer(members):
            lines.write(json.dumps(members) + "\n")

        setup = json.loads(lines.readline())
        app = create_app(Settings(**setup["settings"]), now=lambda: setup["now"])
        client, commands = app.test_client(), app.test_cli_runner()
        answer({"ready": True})
        for line in lines:
            request = json.loads(line)
            if "command" in request:
                done = commands.invoke(args=request["command"])
                answer({"at": time.time(), "ok": done.exit_code == 0, "output": done.output})
            else:
                done = client.post(request["path"], json=request.get("body"), headers=request.get("headers"))
                answer({"at": time.time(), "ok": done.status_code < 300, "output": done.text})


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""Another process of the mint, for the tests: does what it is told, one line each, and says when it was committed."""

import json
import socket
import sys
import time

from auth_service.app import create_app
from auth_service.settings import Settings


def main(port):
    with socket.create_connection(("127.0.0.1", port)) as test, test.makefile("rw", buffering=1) as lines:

        def answer(said):
            lines.write(json.dumps(said) + "\n")

        asked = json.loads(lines.readline())
        app = create_app(Settings(**asked["settings"]), now=lambda: asked["now"])
        client, commands = app.test_client(), app.test_cli_runner()
        answer({"ready": True})
        for line in lines:
            ask = json.loads(line)
            if "command" in ask:
                done = commands.invoke(args=ask["command"])
                answer({"at": time.time(), "ok": done.exit_code == 0, "said": done.output})
            else:
                done = client.post(ask["path"], json=ask.get("body"), headers=ask.get("headers"))
                answer({"at": time.time(), "ok": done.status_code < 300, "said": done.text})


if __name__ == "__main__":
    main(int(sys.argv[1]))

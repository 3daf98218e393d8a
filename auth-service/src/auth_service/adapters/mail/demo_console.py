"""Mailed links and codes on the console of the demo."""

import json

from auth_service.domain.email import Email


def announce(mail: Email) -> None:
    """Print link and code in the form of a log line.

    Not through the log, which must hold no tokens: this is only for demos on a loopback address.
    """
    if mail.link is not None:
        line = {"event": "mail", "level": "info", "service": "auth-service"}
        print(json.dumps(line | {"kind": mail.kind, "link": mail.link, "code": mail.code}), flush=True)  # noqa: T201 - the output of the demo

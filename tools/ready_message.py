"""The message of `make run` when all services are ready: addresses, accounts, and commands to try."""

from __future__ import annotations

import json
import os
import shlex

from cluster_settings import ClusterSettings
from service_kit.settings import is_loopback

DEFAULT_PASSWORD = "correct-horse-battery-staple"  # noqa: S105 - published: the demo's, refused beyond loopback
JSON = "-H 'Content-Type: application/json'"
FIRST_ADMINISTRATOR = """
Create the first administrator in another shell (the command asks for a password):

make auth ARGS='accounts create --email you@example.com --name "Your Name" --role admin'"""
COMMANDS = (
    "\nAccounts, sessions, clients, keys and the audit log: make auth ARGS='accounts list', ARGS=--help"
)


def demo(base: str) -> str:
    """Return the demo's accounts, and shell lines that log in, list the products, order one and list the orders."""
    password = os.environ.get("DEMO_PASSWORD") or DEFAULT_PASSWORD
    login = shlex.quote(json.dumps({"email": "alice@example.com", "password": password}))
    order = shlex.quote(json.dumps({"items": [{"sku": "STONE-BLK", "quantity": 2}]}))
    return f"""
  demo accounts   alice@example.com, bob@example.com, admin@example.com
  password        {password}

Paste this into another shell:

TOKEN=$(curl -sS {base}/login {JSON} -d {login} \\
  | sed -n 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p')
curl -sS {base}/products; echo
curl -sS {base}/orders -H "Authorization: Bearer $TOKEN" {JSON} -d {order}; echo
curl -sS {base}/orders -H "Authorization: Bearer $TOKEN"; echo"""


def ready_message(settings: ClusterSettings, seconds: str) -> str:
    """Return the whole message; the addresses to open are the issuer's, because pages redirect there."""
    issuer = settings.issuer.rstrip("/")
    urls = {name: settings.url(name) for name in reversed(list(settings.ports))}
    listens = "" if is_loopback(issuer) else f" (listens at {urls['gateway']})"
    lines, width = [f"\nready after {seconds}\n"], max(map(len, urls))
    lines += [
        f"  {name:<{width}} {url}"
        for name, url in (urls | {"gateway": f"{settings.issuer}{listens}"}).items()
    ]
    lines += ["", f"  API description {issuer}/docs", f"  issuer          {issuer}"]
    lines += [demo(issuer) if os.environ.get("DEMO", "1") == "1" else FIRST_ADMINISTRATOR, COMMANDS]
    if "MAIL_URL" not in os.environ:
        lines.append("\nMails are written to var/mail/; their links are shown here.")
    return "\n".join([*lines, "\nLogs: var/log/ (or LOG=1). Ctrl-C stops all."])

"""The message of `make run` when all services are ready: where to look first, the accounts, and where things are."""

from __future__ import annotations

import os

from cluster_settings import ClusterSettings
from service_kit.settings import is_loopback

DEFAULT_PASSWORD = "correct-horse-battery-staple"  # noqa: S105 - published: the demo's, refused beyond loopback
FIRST_ADMINISTRATOR = """
Create the first administrator in another shell (the command asks for a password):

make auth ARGS='accounts create --email you@example.com --name "Your Name" --role admin'
"""


def demo() -> str:
    """Return what to do first, and with which accounts."""
    password = os.environ.get("DEMO_PASSWORD") or DEFAULT_PASSWORD
    return f"""
  Log in as alice@example.com (or bob@example.com, admin@example.com) with the password {password},
  press "Log out" and watch every process refuse the token.
"""


def ready_message(settings: ClusterSettings, seconds: str) -> str:
    """Return the whole message; the addresses to open are the issuer's, because pages redirect there."""
    issuer = settings.issuer.rstrip("/")
    urls = {name: settings.url(name) for name in reversed(list(settings.ports))}
    listens = "" if is_loopback(issuer) else f" (the gateway listens at {urls['gateway']})"
    del urls["gateway"]
    facts = {
        "API": f"{issuer}/docs (commands with curl: README.md)",
        "services": ", ".join(f"{name} {url}" for name, url in urls.items()),
        "accounts, keys": "make auth ARGS='accounts list', ARGS=--help",
        "mails": "" if "MAIL_URL" in os.environ else "var/mail/; their links are shown here",
        "logs": "var/log/ (or LOG=1)",
    }
    lines = [f"\nready after {seconds}\n", f"  Open {issuer} in a browser{listens}"]
    lines += [demo() if os.environ.get("DEMO", "1") == "1" else FIRST_ADMINISTRATOR]
    lines += [f"  {name:<14} {value}" for name, value in facts.items() if value]
    return "\n".join([*lines, "\nCtrl-C stops all."])

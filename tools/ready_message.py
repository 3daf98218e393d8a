"""What the console says when all is ready: where, who, and one conversation to paste."""

from __future__ import annotations

import json
import os
import shlex

from cluster_settings import Plan, Service
from service_kit.settings import is_loopback

DEFAULT_PASSWORD = "correct-horse-battery-staple"  # noqa: S105 (published: the demo's, refused beyond loopback)
FIRST_ADMINISTRATOR = (
    """make auth ARGS='accounts create --email you@example.com --name "Your Name" --role admin'"""
)
JSON = "-H 'Content-Type: application/json'"


def conversation(base: str, password: str) -> str:
    """Shell lines that log in, look at the products, order one and list the orders; they need curl and sed."""
    login = shlex.quote(json.dumps({"email": "alice@example.com", "password": password}))
    order = shlex.quote(json.dumps({"items": [{"sku": "STONE-BLK", "quantity": 2}]}))
    return f"""\
TOKEN=$(curl -sS {base}/login {JSON} -d {login} \\
  | sed -n 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p')
curl -sS {base}/products; echo
curl -sS {base}/orders -H "Authorization: Bearer $TOKEN" {JSON} -d {order}; echo
curl -sS {base}/orders -H "Authorization: Bearer $TOKEN"; echo"""


def address(plan: Plan, service: Service) -> str:
    """Name a service's address: the gateway's is the issuer's, and where it listens if that is another machine's name."""
    if service.name != "gateway":
        return service.url
    return plan.issuer if is_loopback(plan.issuer) else f"{plan.issuer} (listens at {service.url})"


def text(plan: Plan, seconds: float) -> str:
    """Compose the whole message."""
    issuer = plan.issuer.rstrip("/")  # the one address for browsers: pages opened elsewhere redirect there
    lines = [f"\nready after {seconds:.1f} s", ""]
    lines += [f"  {service.name:<15} {address(plan, service)}" for service in reversed(plan.services)]
    lines += ["", f"  API description {issuer}/docs", f"  issuer          {issuer}"]
    if os.environ.get("DEMO", "1") == "1":
        password = os.environ.get("DEMO_PASSWORD") or DEFAULT_PASSWORD
        lines += ["", "  demo accounts   alice@example.com, bob@example.com, admin@example.com"]
        lines += [f"  password        {password}", "", "Paste this into another shell:", ""]
        lines += [conversation(issuer, password)]
    else:
        lines += ["", "The first administrator (it asks for a password), in another shell:", ""]
        lines += [FIRST_ADMINISTRATOR]
    lines += [
        "",
        "Accounts, sessions, clients, keys and the audit log: make auth ARGS='accounts list', ARGS=--help",
    ]
    if "MAIL_URL" not in os.environ:
        lines += ["", f"Mails are written to {plan.var.name}/mail/; the links in them are shown here."]
    lines += [
        "",
        f"Logs: {plan.log(plan['gateway']).parent.relative_to(plan.var.parent)}/ (or LOG=1). Ctrl-C stops all.",
    ]
    return "\n".join(lines)

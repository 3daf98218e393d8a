"""`touchstone authz`: answer the authorization requests of proxies."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from touchstone.authz.options import Options
from touchstone.authz.rule import Rule

T = TypeVar("T")
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")
_LAST_PORT = 65_535
_DESCRIPTION = """\
Answer a proxy's question whether the bearer token of a request suffices: Envoy (HTTP ext_authz), nginx (auth_request),
Caddy (forward_auth).

The proxy asks at /authorize/NAME, where NAME is the rule for the request; anything may follow the name. The answer is
200 if the rule is met. Else it is what the client should get, as application/problem+json: 401 or 403 with
WWW-Authenticate, 503 with Retry-After while keys or status list cannot be obtained. Nothing but the rule and the
Authorization headers of the request decides. /livez, /readyz and /metrics describe the process.
"""
_EXAMPLE = """\
example:
  touchstone authz --issuer https://auth.example.com --rule orders orders-service \\
      --rule place-order orders-service orders:write --fresh-rule admin auth-service admin

`touchstone authz @FILE` reads arguments from a file, each line as a shell would.

Let only the proxies reach the address: there is no authentication, and the answers tell which tokens are valid.
"""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser: ArgumentParser = commands.add_parser(
        "authz",
        help="answer the authorization requests of proxies",
        description=_DESCRIPTION,
        epilog=_EXAMPLE,
        formatter_class=RawDescriptionHelpFormatter,
        fromfile_prefix_chars="@",
    )
    rule: dict[str, Any] = {
        "nargs": "+",
        "action": "append",
        "default": [],
        "metavar": ("NAME AUDIENCE", "SCOPE"),
    }
    parser.add_argument("--issuer", required=True, metavar="URL", help="the issuer's identifier, as in `iss`")
    parser.add_argument(
        "--rule", **rule, help="a rule: the token must be for AUDIENCE, with all of the scopes"
    )
    parser.add_argument(
        "--fresh-rule",
        **rule,
        help="a rule that also needs keys and status list confirmed within the last 30 s; else it answers 503",
    )
    parser.add_argument(
        "--listen",
        default="127.0.0.1:8090",
        metavar="HOST:PORT",
        help="where to listen (default: %(default)s)",
    )
    parser.add_argument(
        "--backchannel", metavar="URL", help="where the issuer is reached, if not at its identifier"
    )
    parser.add_argument(
        "--jwks-path", default="/.well-known/jwks.json", metavar="PATH", help="default: %(default)s"
    )
    parser.add_argument(
        "--status-path", default="/status-lists/", metavar="PATH", help="default: %(default)s"
    )
    parser.add_argument(
        "--snapshots", metavar="DIR", help="where to keep the last good documents for a restart"
    )
    parser.add_argument("--ca", metavar="FILE", help="CA certificates for the issuer, in PEM")
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: ArgumentParser, given: Namespace) -> None:
    faults: list[str] = []

    def checked(make: Callable[..., T], *values: Any) -> T | None:
        try:
            return make(*values)
        except ValueError as error:
            faults.append(str(error))
            return None

    wanted = [(words, False) for words in given.rule] + [(words, True) for words in given.fresh_rule]
    rules = [rule for words, fresh in wanted if (rule := checked(_rule, words, fresh))]
    if not wanted:
        faults.append("at least one --rule or --fresh-rule is needed")
    if len({words[0] for words, _ in wanted}) < len(wanted):
        faults.append("two rules have the same name")
    host, port = checked(_address, given.listen) or ("", 0)
    options = Options(
        issuer=given.issuer,
        rules=rules,
        host=host,
        port=port,
        backchannel=given.backchannel,
        jwks_path=given.jwks_path,
        status_path=given.status_path,
        snapshots=given.snapshots,
        ca=given.ca,
    )
    if rules:
        checked(options.make_issuer)
    if faults:
        parser.error("\n  ".join(("", *faults)))
    try:
        from touchstone.authz.server import serve
    except ImportError:
        parser.error("granian is not installed: pip install 'touchstone[authz]'")
    serve(options)


def _rule(words: Sequence[str], fresh: bool) -> Rule:  # noqa: FBT001 - called by position
    name, *rest = words
    if not rest:
        raise ValueError(f"rule {name!r}: needs an audience")
    return Rule(name, rest[0], tuple(rest[1:]), fresh)


def _address(value: str) -> tuple[str, int]:
    """Return host and port."""
    match = _ADDRESS.fullmatch(value)
    if match is None or not 0 < int(match["port"]) <= _LAST_PORT:
        raise ValueError("--listen must be HOST:PORT")
    return match["v6"] or match["host"], int(match["port"])

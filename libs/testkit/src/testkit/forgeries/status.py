"""Forgeries of the claim `status`, under a genuine signature: no list of the issuer, or no index in one."""

import json
from typing import Any

from testkit.status_list import FULL_SIZE, list_path
from testkit.token_signer import MISSING, NamedTokens, TokenSigner, override

_NO_STATUS: tuple[Any, ...] = (None, "", 1, True, [], {}, 1.5, "1", [1])
_NO_INDEX: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "1",
    "0x1",
    1.5,
    1.0,
    -0.0,
    float("nan"),
    float("inf"),
    [],
    [1],
    {},
    -1,
    -8,
    -FULL_SIZE,
    -(2**63),
)
_OUTSIDE = (FULL_SIZE, FULL_SIZE + 1, 8 * FULL_SIZE, 2**31, 2**32, 2**63, 2**64, 10**30)


def forge(signer: TokenSigner) -> NamedTokens:
    """Yield tokens with a wrong status, for an issuer whose lists have 2^20 entries."""
    index: Any
    uri = f"{signer.issuer}{list_path()}"
    good = {"idx": 1, "uri": uri}
    for status in _NO_STATUS:
        yield _one(signer, f"status is {json.dumps(status)}", status)
    for reference in (*_NO_STATUS, uri, [good], [1, uri]):
        yield _one(signer, f"status_list is {json.dumps(reference)}", {"status_list": reference})
    for index in _NO_INDEX:
        yield _one(signer, f"the index is {json.dumps(index)}", {"status_list": good | {"idx": index}})
    for index in _OUTSIDE:
        outside = {"status_list": good | {"idx": index}}
        yield _one(signer, f"the index {index} is outside of the list", outside)
    for member in good:
        yield _one(signer, f"a status without {member}", {"status_list": override(good, {member: MISSING})})
    for member in ("bits", "lst", "status", "aggregation_uri"):
        yield _one(signer, f"a status with {member} in it", {"status_list": good | {member: 1}})
    for name, status in {
        "of another type alone": {"identifier_list": {"id": "1", "uri": uri}},
        "of another type beside": {"status_list": good, "identifier_list": {"id": "1", "uri": uri}},
        "with an extension beside": {"status_list": good, "x": None},
        "that is the reference itself": good,
        "whose type is spelled otherwise": {"Status_List": good},
    }.items():
        yield _one(signer, f"a status {name}", status)
    for name, other in _lists(signer).items():
        yield _one(signer, f"the list is {name}", {"status_list": good | {"uri": other}})


def _one(signer: TokenSigner, name: str, status: Any) -> tuple[str, str]:
    return name, signer.sign(signer.claims() | {"status": status})


def _lists(signer: TokenSigner) -> dict[str, Any]:
    """Return names of no list of the issuer, even if the URL leads to one."""
    issuer = signer.issuer
    scheme, _, rest = issuer.partition("://")
    paths = [
        "",
        "/",
        "/status-lists",
        "/status-lists/",
        "/status-lists//1",
        "//status-lists/1",
        "/status-lists/1/",
        "/status-lists/1//",
        "/status-lists/./1",
        "/status-lists/1/.",
        "/status-lists/2/../1",
        "/./status-lists/1",
        "/x/../status-lists/1",
        "/status-lists/../.well-known/jwks.json",
        "/status-lists/%2e%2e/.well-known/jwks.json",
        "/status-lists/..%2f.well-known%2fjwks.json",
        "/status-lists\\1",
        "/status-lists/1\\..\\2",
        "/status-lists/%31",
        "/status%2dlists/1",
        "/status-lists%2f1",
        "/status-lists/1%00",
        "/status-lists/1\u0000",
        "/status-lists/1\n",
        "/status-lists/1\r\nHost: attacker.example",
        "/status-lists/1 ",
        "/status-lists/ 1",
        "/status-lists/1?",
        "/status-lists/1?list=2",
        "/status-lists/1#",
        "/status-lists/1#2",
        "/status-lists/1;v=2",
        "/status-lists/0",
        "/status-lists/01",
        "/status-lists/00001",
        "/status-lists/-1",
        "/status-lists/+1",
        "/status-lists/1.0",
        "/status-lists/1e0",
        "/status-lists/0x1",
        "/status-lists/1_0",
        "/status-lists/\u0661",
        "/status-lists/\uff11",
        "/status-lists/\u00b9",
        "/status-lists/one",
        "/status-lists/1/2",
        "/STATUS-LISTS/1",
        "/status_lists/1",
        "/.well-known/jwks.json",
        "/admin/keys",
        "/status-lists/" + "1" * 300,
    ]
    elsewhere = [
        list_path(),
        f"//{rest}{list_path()}",
        f" {issuer}{list_path()}",
        f"{issuer.upper()}{list_path()}",
        f"{scheme.upper()}://{rest}{list_path()}",
        f"{scheme}:{list_path()}",
        f"{scheme}://user@{rest}{list_path()}",
        f"{scheme}://{rest}.attacker.example{list_path()}",
        f"{issuer}@attacker.example{list_path()}",
        f"{issuer}.attacker.example{list_path()}",
        f"{issuer}0{list_path()}",
        f"ftp://{rest}{list_path()}",
        f"https://attacker.example{list_path()}",
        f"https://attacker.example/{issuer}{list_path()}",
        f"https://attacker.example/?{issuer}{list_path()}",
        f"https://attacker.example#{issuer}{list_path()}",
        "http://127.0.0.1:22/status-lists/1",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "data:application/statuslist+jwt,x",
        "javascript:1",
    ]
    named = {json.dumps(value)[:80]: value for value in elsewhere}
    named |= {f"the issuer's {json.dumps(path)[1:60]}": issuer + path for path in paths}
    malformed: tuple[Any, ...] = (
        None,
        "",
        " ",
        1,
        True,
        [],
        [issuer + list_path()],
        {},
        {"uri": issuer + list_path()},
    )
    return named | {json.dumps(value)[:80]: value for value in malformed}

"""A row for each rule of an access token, with a valid token near its limit."""

import json

import pytest
from touchstone import Actor, StatusList, StatusReference, TokenError, Verifier, errors

NOW = 1_900_000_000
TEN_YEARS = 10 * 365.25 * 24 * 3600
MISSING = object()


def resigned(signer, header=None, payload=None):
    """Sign exactly these bytes."""
    return signer.sign(
        json.dumps(signer.header()).encode() if header is None else header,
        json.dumps(signer.claims()).encode() if payload is None else payload,
    )


def test_valid_token_is_accepted_and_typed(verifier, signer):
    claims = verifier.verify(signer.token())
    assert claims.issuer == "https://issuer.example"
    assert claims.subject == "8f14e45f-ceea-467f-a0e6-8c3d2a1b0c9d"
    assert claims.audience == ("orders-service",)
    assert claims.expires_at == NOW + 300
    assert claims.issued_at == claims.auth_time == NOW
    assert claims.token_id == "q0zP1m7Xk2vR9bLs5tYwcA"
    assert claims.client_id == "cli"
    assert claims.scopes == {"orders:read", "orders:write"}
    assert claims.roles == {"customer"}
    assert claims.session_id == "Zt4uQ8nB2eXk7mPw0aHs1g"
    assert claims.actor is None
    assert claims.status is None


def test_required_claims_suffice(verifier, signer):
    optional = ("client_id", "scope", "roles", "sid", "auth_time")
    claims = verifier.verify(signer.token(**dict.fromkeys(optional, signer.REMOVE)))
    assert claims.client_id is claims.session_id is claims.auth_time is None
    assert claims.scopes == claims.roles == frozenset()


# --- form -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mangle",
    [
        pytest.param(lambda t: "", id="nothing"),
        pytest.param(lambda t: "..", id="three empty parts"),
        pytest.param(lambda t: t.rpartition(".")[0], id="two parts"),
        pytest.param(lambda t: f"{t}.AAAA", id="four parts"),
        pytest.param(lambda t: t.rpartition(".")[0] + ".", id="empty signature"),
        pytest.param(lambda t: ".".join(["", *t.split(".")[1:]]), id="empty header"),
        pytest.param(lambda t: "{0}..{2}".format(*t.split(".")), id="empty payload"),
        pytest.param(lambda t: t + "=", id="padding appended"),
        pytest.param(lambda t: t + "==", id="full padding appended"),
        pytest.param(lambda t: t.replace(".", "=.", 1), id="padding in the header"),
        pytest.param(lambda t: t + "\n", id="newline appended"),
        pytest.param(lambda t: " " + t, id="space before"),
        pytest.param(lambda t: t.replace(".", ". "), id="space inside"),
        pytest.param(lambda t: t[:-1] + chr(ord(t[-1]) + 1), id="unused bits of the last character set"),
        pytest.param(lambda t: t[:-2] + "+/", id="standard base64 alphabet"),
        pytest.param(lambda t: t[:-1] + "é", id="not ASCII"),
        pytest.param(lambda t: t[:-1] + "\udc80", id="lone surrogate"),
        pytest.param(lambda t: t + "\x00", id="NUL appended"),
        pytest.param(lambda t: t + "AAA", id="a length that base64 never has"),
        pytest.param(lambda t: t.encode(), id="bytes"),
        pytest.param(lambda t: None, id="None"),
        pytest.param(lambda t: [t], id="a list"),
    ],
)
def test_other_serialization_is_malformed(verifier, signer, mangle):
    with pytest.raises(errors.MalformedToken):
        verifier.verify(mangle(signer.token()))


def test_length_limit_is_8192(verifier, signer):
    nearly = (8192 - len(signer.token(filler=""))) * 3 // 4
    tokens = [
        signer.token(header={"cty": "x" * wide}, filler="x" * (nearly - less))
        for wide in range(4)
        for less in range(20)
    ]
    by_length = {len(token): token for token in tokens}
    assert verifier.verify(by_length[8192])
    with pytest.raises(errors.MalformedToken):
        verifier.verify(by_length[8193])


BAD_JSON = [
    pytest.param(b"", id="empty"),
    pytest.param(b"[]", id="an array"),
    pytest.param(b'"text"', id="a string"),
    pytest.param(b"null", id="null"),
    pytest.param(b"{", id="not JSON"),
    pytest.param(b"{} {}", id="two values"),
    pytest.param(b'{"a":1,"a":1}', id="a member twice"),
    pytest.param(b'{"x":{"a":1,"a":1}}', id="a member twice further inside"),
    pytest.param(b'{"x":[{"a":1,"\\u0061":1}]}', id="a member twice, spelled differently"),
    pytest.param(b'{"a":NaN}', id="NaN"),
    pytest.param(b'{"a":Infinity}', id="Infinity"),
    pytest.param(b'{"a":-Infinity}', id="minus Infinity"),
    pytest.param(b'{"a":1e400}', id="a number that becomes infinite"),
    pytest.param(b'{"a":' + b"9" * 4400 + b"}", id="an integer of thousands of digits"),
    pytest.param(b'{"a":' + b"[" * 8 + b"]" * 8 + b"}", id="nine levels deep"),
    pytest.param(b'{"a":' + b"[" * 2900 + b"]" * 2900 + b"}", id="2,901 levels deep"),
    pytest.param(b"[" * 5000, id="5,000 levels deep and never closed"),
    pytest.param(b'\xef\xbb\xbf{"a":1}', id="a byte order mark"),
    pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
    pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
    pytest.param(b'{"a":"\xed\xa0\x80"}', id="a surrogate in UTF-8"),
    pytest.param(b'{"a":"\\ud800"}', id="a lone surrogate, escaped"),
]


@pytest.mark.parametrize("text", BAD_JSON)
def test_header_without_strict_object_is_malformed(verifier, signer, text):
    with pytest.raises(errors.MalformedToken):
        verifier.verify(resigned(signer, header=text))


@pytest.mark.parametrize("text", BAD_JSON)
def test_payload_without_strict_object_is_malformed(verifier, signer, text):
    with pytest.raises(errors.MalformedToken):
        verifier.verify(resigned(signer, payload=text))


def test_eight_levels_are_accepted(verifier, signer):
    assert verifier.verify(signer.token(nested=json.loads("[" * 7 + "]" * 7)))


# --- header ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "alg",
    [
        "none",
        "None",
        "",
        "HS256",
        "RS384",
        "PS256",
        "ES256",
        "rs256",
        "RS256 ",
        None,
        256,
        ["RS256"],
        {},
        MISSING,
    ],
)
def test_alg_other_than_rs256_is_refused(verifier, signer, alg):
    with pytest.raises(errors.WrongAlgorithm):
        verifier.verify(signer.token(header={"alg": signer.REMOVE if alg is MISSING else alg}))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "AT+JWT", "id+jwt", "", None, 1, ["at+jwt"], {}, MISSING])
def test_typ_other_than_access_token_is_refused(verifier, signer, typ):
    with pytest.raises(errors.WrongType):
        verifier.verify(signer.token(header={"typ": signer.REMOVE if typ is MISSING else typ}))


def test_long_form_of_typ_is_accepted(verifier, signer):
    assert verifier.verify(signer.token(header={"typ": "application/at+jwt"}))


@pytest.mark.parametrize("value", [["exp"], [], None, False, "DEF"])
@pytest.mark.parametrize("name", ["crit", "b64", "zip"])
def test_header_extension_is_refused(verifier, signer, name, value):
    with pytest.raises(errors.UnsupportedHeader):
        verifier.verify(signer.token(header={name: value}))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_key_or_url_in_header_is_ignored(verifier, signer, other_signer, name):
    value = other_signer.jwk() if name == "jwk" else "https://other.example/keys"
    assert verifier.verify(signer.token(header={name: value}))
    with pytest.raises(errors.BadSignature):
        verifier.verify(other_signer.token(header={name: value}))


@pytest.mark.parametrize(
    "kid", ["key-2", "KEY-1", "key-1 ", "", None, 1, True, ["key-1"], {"key-1": 1}, MISSING]
)
def test_unknown_kid_is_refused(verifier, signer, kid):
    with pytest.raises(errors.UnknownKey):
        verifier.verify(signer.token(header={"kid": signer.REMOVE if kid is MISSING else kid}))


# --- signature ------------------------------------------------------------------------------------------------


def test_signature_of_other_key_is_refused(verifier, other_signer):
    with pytest.raises(errors.BadSignature):
        verifier.verify(other_signer.token())


def test_changed_payload_is_refused(verifier, signer):
    mine, other = signer.token().split("."), signer.token(sub="admin").split(".")
    with pytest.raises(errors.BadSignature):
        verifier.verify(f"{mine[0]}.{other[1]}.{mine[2]}")


def test_changed_header_is_refused(verifier, signer):
    mine, other = signer.token().split("."), signer.token(header={"cty": "x"}).split(".")
    with pytest.raises(errors.BadSignature):
        verifier.verify(f"{other[0]}.{mine[1]}.{mine[2]}")


@pytest.mark.parametrize("length", [1, 255, 257, 512])
def test_signature_of_other_length_is_refused(verifier, signer, length):
    encoded = signer.sign(b"{}", b"\x00" * length).split(".")[1]  # any bytes, encoded
    with pytest.raises(errors.BadSignature):
        verifier.verify(f"{signer.token().rpartition('.')[0]}.{encoded}")


def test_signature_is_checked_before_payload(verifier, other_signer):
    with pytest.raises(errors.BadSignature):
        verifier.verify(resigned(other_signer, payload=b"not JSON"))


# --- claims ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "iss",
    [
        "https://issuer.example/",
        "https://ISSUER.example",
        "issuer.example",
        "",
        None,
        1,
        ["https://issuer.example"],
        MISSING,
    ],
)
def test_other_iss_is_refused(verifier, signer, iss):
    with pytest.raises(errors.WrongIssuer):
        verifier.verify(signer.token(iss=signer.REMOVE if iss is MISSING else iss))


@pytest.mark.parametrize("aud", ["users-service", "orders-service2", "orders", "", ["users-service"], []])
def test_other_aud_is_refused(verifier, signer, aud):
    with pytest.raises(errors.WrongAudience):
        verifier.verify(signer.token(aud=aud))


@pytest.mark.parametrize(
    "aud", [None, 1, {"orders-service": 1}, ["orders-service", 1], [["orders-service"]], MISSING]
)
def test_malformed_aud_is_refused(verifier, signer, aud):
    with pytest.raises(errors.MalformedClaims):
        verifier.verify(signer.token(aud=signer.REMOVE if aud is MISSING else aud))


def test_aud_may_have_other_names(verifier, signer):
    assert verifier.verify(signer.token(aud=["users-service", "orders-service"])).audience == (
        "users-service",
        "orders-service",
    )


NO_TIME = [
    None,
    "1900000300",
    True,
    False,
    [],
    {},
    10**400,
    -(10**400),
    1e300,
    -1,
    0,
    NOW + TEN_YEARS,
    NOW - TEN_YEARS,
]


@pytest.mark.parametrize("value", NO_TIME)
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_malformed_time_is_refused(verifier, signer, name, value):
    with pytest.raises(errors.MalformedClaims):
        verifier.verify(signer.token(**{name: value}))


@pytest.mark.parametrize("name", ["exp", "iat"])
def test_missing_exp_or_iat_is_refused(verifier, signer, name):
    with pytest.raises(errors.MalformedClaims):
        verifier.verify(signer.token(**{name: signer.REMOVE}))


@pytest.mark.parametrize("exp", [NOW - 29, NOW - 29.5, NOW, NOW + 1])
def test_exp_within_leeway_is_accepted(verifier, signer, exp):
    assert verifier.verify(signer.token(exp=exp)).expires_at == exp


@pytest.mark.parametrize("exp", [NOW - 30, NOW - 30.5, NOW - 61, NOW - 86_400])
def test_exp_past_leeway_is_refused(verifier, signer, exp):
    with pytest.raises(errors.ExpiredToken):
        verifier.verify(signer.token(exp=exp))


@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize("ahead", [-300, 0, 29.5, 30])
def test_iat_and_nbf_within_leeway_are_accepted(verifier, signer, name, ahead):
    assert verifier.verify(signer.token(**{name: NOW + ahead}))


@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize("ahead", [30.5, 31, 61, 250])
def test_iat_and_nbf_past_leeway_are_refused(verifier, signer, name, ahead):
    with pytest.raises(errors.NotYetValid):
        verifier.verify(signer.token(**{name: NOW + ahead}))


NO_IDENTIFIER = [None, "", 1, True, ["x"], {}, "a\x00b", "a\nb", "\u202eevil", "\x7f", "x" * 256]


@pytest.mark.parametrize("value", NO_IDENTIFIER)
@pytest.mark.parametrize("name", ["sub", "jti", "client_id", "sid"])
def test_malformed_identifier_is_refused(verifier, signer, name, value):
    with pytest.raises(errors.MalformedClaims):
        verifier.verify(signer.token(**{name: value}))


@pytest.mark.parametrize("value", ["\u202eevil", "a\u2028b", "a\x85b", "\x7f"])
@pytest.mark.parametrize("name", ["sub", "jti", "client_id", "sid"])
def test_unescaped_control_in_identifier_is_refused(verifier, signer, name, value):
    """The payload contains the character itself, without a backslash."""
    payload = json.dumps(signer.claims(**{name: value}), ensure_ascii=False).encode()
    assert b"\\" not in payload
    with pytest.raises(errors.MalformedClaims):
        verifier.verify(signer.sign(json.dumps(signer.header()).encode(), payload))


@pytest.mark.parametrize("name", ["sub", "jti"])
def test_missing_sub_or_jti_is_refused(verifier, signer, name):
    with pytest.raises(errors.MalformedClaims):
        verifier.verify(signer.token(**{name: signer.REMOVE}))


@pytest.mark.parametrize("sub", ["x" * 255, "Zoë", "user 1"])
def test_printable_subject_is_accepted(verifier, signer, sub):
    assert verifier.verify(signer.token(sub=sub)).subject == sub


@pytest.mark.parametrize(
    "claim",
    [
        {"scope": ["orders:read"]},
        {"scope": None},
        {"scope": "orders:read\norders:write"},
        {"scope": "ördérs"},
        {"roles": "admin"},
        {"roles": None},
        {"roles": ["admin", 1]},
        {"roles": {"admin": True}},
        {"auth_time": "yesterday"},
        {"auth_time": -1},
        {"auth_time": True},
        {"auth_time": None},
        {"act": None},
        {"act": "orders-service"},
        {"act": {}},
        {"act": {"sub": ""}},
        {"act": {"sub": "orders-service", "act": {"sub": 1}}},
        {"act": {"sub": "orders-service", "act": None}},
    ],
    ids=str,
)
def test_malformed_optional_claim_is_refused(verifier, signer, claim):
    with pytest.raises(errors.MalformedClaims):
        verifier.verify(signer.token(**claim))


def test_nested_act_is_read(verifier, signer):
    claims = verifier.verify(signer.token(act={"sub": "orders-service", "act": {"sub": "gateway"}}))
    assert claims.actor == Actor("orders-service", Actor("gateway"))


URI = "https://issuer.example/status-lists/1"


@pytest.mark.parametrize(
    "status",
    [
        None,
        True,
        "revoked",
        [],
        {},
        {"status_list": None},
        {"status_list": []},
        {"status_list": {}},
        {"status_list": {"idx": 1}},
        {"status_list": {"uri": URI}},
        {"status_list": {"idx": -1, "uri": URI}},
        {"status_list": {"idx": 1.0, "uri": URI}},
        {"status_list": {"idx": "1", "uri": URI}},
        {"status_list": {"idx": True, "uri": URI}},
        {"status_list": {"idx": 1, "uri": ""}},
        {"status_list": {"idx": 1, "uri": None}},
        {"status_list": {"idx": 1, "uri": URI, "more": 1}},
        {"status_list": {"idx": 1, "uri": URI}, "more": 1},
    ],
    ids=str,
)
def test_malformed_status_is_refused(verifier, signer, status):
    with pytest.raises(errors.MalformedClaims):
        verifier.verify(signer.token(status=status))


def test_status_is_read(policy, keys, signer, clock):
    listed = StatusList(URI, 1, b"\0", NOW)
    verifier = Verifier(policy, lambda: keys, lists=lambda uri: listed, now=clock)
    claims = verifier.verify(signer.token(status={"status_list": {"idx": 0, "uri": URI}}))
    assert claims.status == StatusReference(0, URI)


# --- errors and claims ----------------------------------------------------------------------------------------


def test_errors_have_own_slug_and_safe_text():
    def tree(kind):
        return [kind, *(leaf for child in kind.__subclasses__() for leaf in tree(child))]

    kinds = [kind for kind in tree(TokenError) if kind.__module__ == errors.__name__]
    assert len({kind.slug for kind in kinds}) == len(kinds)
    assert all(str(kind()) == kind.sentence and '"' not in kind.sentence for kind in kinds)


def test_claims_are_immutable(verifier, signer):
    with pytest.raises(AttributeError):
        verifier.verify(signer.token()).subject = "admin"

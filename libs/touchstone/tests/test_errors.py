"""An error about a claim names the claim."""

import pytest
from touchstone import TokenError

NOW = 1_900_000_000
URI = "https://issuer.example/status-lists/1"


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("iss", {"iss": "https://elsewhere.example"}),
        ("iss", {"iss": ...}),
        ("aud", {"aud": "another"}),
        ("aud", {"aud": 5}),
        ("aud", {"aud": ["a", 5]}),
        ("aud", {"aud": ...}),
        ("exp", {"exp": NOW - 100}),
        ("exp", {"exp": "soon"}),
        ("exp", {"exp": True}),
        ("exp", {"exp": ...}),
        ("exp", {"exp": NOW * 2}),
        ("iat", {"iat": NOW + 100}),
        ("iat", {"iat": ...}),
        ("iat", {"iat": "now"}),
        ("iat", {"iat": 0}),
        ("nbf", {"nbf": NOW + 100}),
        ("nbf", {"nbf": "now"}),
        ("nbf", {"nbf": 0}),
        ("nbf", {"nbf": NOW * 2}),
        ("sub", {"sub": ...}),
        ("sub", {"sub": ""}),
        ("jti", {"jti": 5}),
        ("client_id", {"client_id": "a\n"}),
        ("sid", {"sid": None}),
        ("scope", {"scope": ["a"]}),
        ("scope", {"scope": "é"}),
        ("roles", {"roles": "admin"}),
        ("roles", {"roles": [5]}),
        ("auth_time", {"auth_time": -1}),
        ("act", {"act": "x"}),
        ("act", {"act": {"sub": ""}}),
        ("act", {"act": {"sub": "a", "act": {}}}),
        ("status", {"status": {}}),
        ("status", {"status": {"status_list": {"idx": -1, "uri": URI}}}),
        ("status", {"status": {"status_list": {"idx": 1, "uri": URI}}}),
    ],
    ids=str,
)
def test_claim_error_names_claim(verifier, signer, claim, claims):
    given = {name: signer.REMOVE if value is ... else value for name, value in claims.items()}
    with pytest.raises(TokenError) as refused:
        verifier.verify(signer.token(**given))
    assert refused.value.claim == claim
    assert claim in str(refused.value)


def test_other_error_names_no_claim(verifier):
    with pytest.raises(TokenError) as refused:
        verifier.verify("a.b.c")
    assert refused.value.claim is None

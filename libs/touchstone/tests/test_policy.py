"""The defaults of a policy, and the policies that are refused."""

import pytest
from touchstone import Policy


def test_policy_defaults():
    policy = Policy("https://issuer.example", "orders-service")
    assert (policy.algorithm, policy.leeway) == ("RS256", 30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ""},
        {"audience": ""},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
        {"leeway": -1},
        {"leeway": 301},
    ],
    ids=str,
)
def test_invalid_policy_raises_value_error(wrong):
    with pytest.raises(ValueError, match=r"."):
        Policy(**{"issuer": "https://issuer.example", "audience": "orders-service", **wrong})

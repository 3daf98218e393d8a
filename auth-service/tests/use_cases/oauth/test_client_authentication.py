"""Client authentication by an assertion."""

import pytest
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.use_cases.oauth.client_authentication import ClientAuthentication

AUDIENCES = frozenset({"http://localhost:8080", "http://localhost:8080/oauth/token"})


class FakeAssertions:
    """An `AssertionReader` of claims without signatures."""

    claims: dict

    def issuer(self, assertion):
        return self.claims["iss"]

    def verified(self, assertion, client_id):
        return self.claims


@pytest.fixture
def authenticate(rules, clock):
    reader = FakeAssertions()
    use_case = ClientAuthentication(rules.store, rules.clients, reader, AUDIENCES, clock)

    def call(client_id=None, **changes):
        good = {
            "iss": "orders-service",
            "sub": "orders-service",
            "aud": "http://localhost:8080",
            "jti": "one",
            "iat": clock(),
            "exp": clock() + 60,
        }
        reader.claims = {name: value for name, value in (good | changes).items() if value is not ...}
        return use_case(client_id, "an assertion")

    return call


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": "http://localhost:8080/oauth/token"},
        {"aud": ["http://localhost:8080"]},
        {"iat": ...},
        {"exp": 1_800_000_000 + 330},
        {"exp": 1_800_000_000 - 29.5},
        {"nbf": 1_800_000_000 + 30},
    ],
)
def test_assertion_authenticates_client(authenticate, changes):
    assert authenticate(**changes).client_id == "orders-service"


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "introspector"},
        {"sub": ...},
        {"aud": ...},
        {"aud": "http://elsewhere.example"},
        {"aud": []},
        {"aud": [1]},
        {"aud": ["http://localhost:8080", "http://elsewhere.example"]},
        {"exp": ...},
        {"exp": "1800000060"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"exp": 1_800_000_000 - 30},
        {"exp": 1_800_000_000 + 3631},
        {"iat": 1_800_000_000 + 31},
        {"iat": "now"},
        {"nbf": 1_800_000_000 + 31},
        {"jti": ...},
        {"jti": ""},
        {"jti": 1},
        {"jti": "a\x00b"},
        {"jti": "x" * 256},
    ],
)
def test_assertion_invalid_is_refused_and_not_stored(rules, authenticate, changes):
    with pytest.raises(InvalidClient):
        authenticate(**changes)

    assert rules.store.rows["assertions"] == {}


def test_assertion_works_once(authenticate):
    authenticate(jti="same")

    with pytest.raises(InvalidClient):
        authenticate(jti="same")
    assert authenticate(jti="other")


@pytest.mark.parametrize("who", ["unknown", "cli", "../../etc/passwd"])
def test_assertion_needs_registered_confidential_client(authenticate, who):
    with pytest.raises(InvalidClient):
        authenticate(iss=who, sub=who)


def test_disabled_client_is_refused(rules, authenticate):
    rules.register("orders-service", enabled=False)

    with pytest.raises(InvalidClient):
        authenticate()


def test_client_id_must_match_assertion(authenticate):
    assert authenticate("orders-service")
    with pytest.raises(InvalidClient):
        authenticate("introspector", jti="two")


@pytest.fixture
def named(rules, clock):
    return ClientAuthentication(rules.store, rules.clients, FakeAssertions(), AUDIENCES, clock)


def test_public_client_needs_only_its_id(named):
    assert named("cli", None).client_id == "cli"
    assert named(None, None) is None


@pytest.mark.parametrize("client_id", ["orders-service", "unknown"])
def test_confidential_client_needs_more_than_id(named, client_id):
    with pytest.raises(InvalidClient):
        named(client_id, None)

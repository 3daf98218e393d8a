"""The attacks: the list, what is sent, and how the answers are shown."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from gateway.console.attack_list import ATTACKS
from gateway.console.attacks import SIGNED_TOKENS, Attacks, SignedTokens
from gateway.console.process_polls import ProcessPoll, Result
from gateway.errors import Refusal
from gateway.http_client.service_calls import ServiceResponse
from gateway.request import Request
from gateway.routing.routes import load_routes
from touchstone import Policy, TokenError, Verifier
from touchstone.keys import Key, KeySet

FORGED = [each.name for each in ATTACKS if each.forge and each.slugs]
SIGNED = [each.name for each in ATTACKS if not each.forge]


class Process:
    """A process that verifies tokens; `results` come first, one for each poll."""

    def __init__(self, verify, *results, lane="jwt"):
        self.verify, self.results, self.lane = verify, list(results), lane
        self.tokens = []

    def poll_of(self, token):
        async def poll():
            self.tokens.append(token)
            if self.results:
                return self.results.pop(0)
            try:
                self.verify(token)
            except TokenError as error:
                return Result("refused", error.slug, 401, str(error))
            return Result("accepted")

        return ProcessPoll(self.lane, "orders-service", "127.0.0.1:8083", poll)


class Cluster:
    """Processes, and the attacks on them by a session."""

    def __init__(self, signer, *processes, demo=True, **more):
        self.token = signer.sign(signer.claims(aud="orders-service", scope="orders:read"))
        self.keys = KeySet({signer.kid: Key(signer.kid, signer.key.public_key())})
        verifier = Verifier(Policy(signer.issuer, "orders-service"), lambda: self.keys, now=signer.now)
        self.processes = processes or (Process(verifier.verify),)
        self.signed = {}
        given = {
            "keys": lambda: self.keys,
            "require": self.require,
            "polls": self.polls,
            "signed_token": self.sign,
        }
        self.attacks = Attacks(**given | {"demo": demo, "patience": 5.0} | more)

    async def require(self, _request):
        return SimpleNamespace(access_token=self.token, claims=None)

    async def polls(self, token, _claims):
        return [each.poll_of(token) for each in self.processes]

    async def sign(self, token, name):
        assert token == self.token
        return self.signed[name]


@pytest.fixture
def cluster(signer):
    return lambda *processes, **more: Cluster(signer, *processes, **more)


def answer_of(handler, path="/console/attacks", method="GET"):
    """Return the JSON of a handler's answer."""
    sent = []

    async def send(message):
        sent.append(message)

    request = Request({"method": method, "headers": []}, None, send)
    request.path = path
    asyncio.run(handler(request))
    assert sent[0]["status"] == 200
    return json.loads(sent[1]["body"])


def sent(cluster, name):
    return answer_of(cluster.attacks.send, f"/console/attacks/{name}", "POST")


def test_list_explains_each_attack(cluster):
    items = answer_of(cluster().attacks.list_all)["items"]
    assert [each["id"] for each in items] == [each.name for each in ATTACKS]
    assert all(each["title"] and each["what"] and each["why"] and each["reference"] for each in items)
    assert [each["unavailable"] for each in items] == [None] * len(ATTACKS)


def test_without_demo_issuer_signs_nothing(cluster):
    without = cluster(demo=False)
    items = answer_of(without.attacks.list_all)["items"]
    assert [each["id"] for each in items if each["unavailable"]] == SIGNED
    for name in SIGNED:
        with pytest.raises(Refusal, match="DEMO"):
            sent(without, name)


@pytest.mark.parametrize("name", FORGED)
def test_forged_token_is_refused_for_its_reason(cluster, name):
    attacked = cluster()
    attack = next(each for each in ATTACKS if each.name == name)
    result = sent(attacked, name)
    (answer,) = result["answers"]
    assert answer["slug"] in attack.slugs
    assert (answer["verdict"], answer["status"]) == ("refused", 401)
    assert (answer["service"], answer["process"]) == ("orders-service", "127.0.0.1:8083")
    assert answer["detail"].endswith(".")


def test_own_token_is_accepted(cluster):
    attacked = cluster()
    result = sent(attacked, "valid")
    assert [each["verdict"] for each in result["answers"]] == ["accepted"]
    assert attacked.processes[0].tokens == [attacked.token]
    assert result["changed"] == []


@pytest.mark.parametrize("name", [each.name for each in ATTACKS if each.forge])
def test_answer_shows_what_was_sent_but_no_token(cluster, name):
    attacked = cluster()
    result = sent(attacked, name)
    (token,) = attacked.processes[0].tokens
    text = json.dumps(result)
    assert not [part for part in (*token.split("."), *attacked.token.split(".")) if part and part in text]
    own = sent(attacked, "valid")
    changed = {
        f"{part}.{member}"
        for part in ("header", "claims")
        for member in result[part]
        if result[part][member] != own[part].get(member)
    }
    assert changed == set(result["changed"]) - {"signature"}


@pytest.mark.parametrize("name", SIGNED)
def test_token_that_only_the_issuer_can_sign(cluster, signer, name):
    attacked = cluster()
    attack = next(each for each in ATTACKS if each.name == name)
    attacked.signed[attack.signed] = signer.sign(signer.claims(aud="another"))
    assert [each["slug"] for each in sent(attacked, name)["answers"]] == ["wrong_audience"]


def test_revocation_may_take_a_moment(cluster):
    results = [
        Result("accepted"),
        Result("accepted"),
        Result("refused", "revoked_token", 401, "It has ended."),
    ]
    attacked = cluster(Process(None, *results))
    attacked.signed["revoked"] = attacked.token
    (answer,) = sent(attacked, "revoked")["answers"]
    assert (answer["verdict"], answer["slug"]) == ("refused", "revoked_token")


def test_revoked_token_that_stays_accepted_is_shown(cluster):
    attacked = cluster(patience=0.0)
    attacked.signed["revoked"] = attacked.token
    assert [each["verdict"] for each in sent(attacked, "revoked")["answers"]] == ["accepted"]


def test_other_attacks_have_one_try(cluster):
    process = Process(None, Result("accepted"))
    (answer,) = sent(cluster(process), "none")["answers"]
    assert (answer["verdict"], len(process.tokens)) == ("accepted", 1)


def test_only_full_verification_is_attacked(cluster):
    attacked = cluster(
        Process(None, lane="jwt_plain"), Process(None, Result("unknown", "upstream_timeout", 504))
    )
    (answer,) = sent(attacked, "none")["answers"]
    assert (answer["verdict"], answer["status"]) == ("unknown", 504)


def test_unknown_attack_is_not_found(cluster):
    with pytest.raises(Refusal) as refusal:
        sent(cluster(), "no-such-attack")
    assert refusal.value.slug == "not_found"


def test_withdrawn_key_cannot_be_confused(cluster):
    attacked = cluster()
    attacked.keys = KeySet({})
    with pytest.raises(Refusal) as refusal:
        sent(attacked, "hs256")
    assert refusal.value.slug == "keys_unavailable"


def signed_by(response):
    async def calls(*call):
        assert call == ("auth-service", "POST", SIGNED_TOKENS, [b"authorization: Bearer own"])
        return response

    return asyncio.run(SignedTokens(calls, load_routes())("own", "expired"))


def test_signed_token_comes_from_the_issuer():
    assert signed_by(ServiceResponse(200, [], b'{"expired": "a.b.c"}')) == "a.b.c"


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, b"{}"), (404, b""), (200, b"[]"), (200, b"{}"), (200, b'{"expired": 1}'), (200, b"<html>")],
)
def test_issuer_without_signed_token_is_refused(status, body):
    with pytest.raises(Refusal) as refusal:
        signed_by(ServiceResponse(status, [], body))
    assert refusal.value.slug == "bad_gateway"

"""Invalid arguments are refused at once, not at the first token."""

import ssl

import pytest
from touchstone import Issuer, IssuerDocuments, Issuers, KeySet, Policy, Verifier
from touchstone.following.follower import Follower

URL = "https://issuer.example"
NAN = float("nan")

BAD_URLS = [
    "",
    " ",
    " https://issuer.example",
    "https://issuer.example ",
    "https://issuer.example\n",
    "https://i.example/a b",
    "https://i.exa mple",
    "https://i.example/\x00",
    "https://i.example/\x7f",
    "https://bücher.example",
    "https://i.example\\evil",
    "issuer.example",
    "//issuer.example",
    "ftp://issuer.example",
    "file:///etc/passwd",
    "https:issuer.example",
    "https://",
    "https:///path",
    "https://:8443",
    "https://i.example:99999",
    "https://i.example:0",
    "https://i.example:port",
    "https://[::1",
    "https://i..example",
    "https://i.example#a",
    "https://i.example#",
    5,
    b"https://issuer.example",
    ["https://issuer.example"],
]
WITH_QUERY = ["https://i.example?tenant=a", "https://i.example?"]
WITH_CREDENTIALS = ["https://user@i.example", "https://user:secret@i.example"]


@pytest.mark.parametrize("url", [*BAD_URLS, *WITH_QUERY, *WITH_CREDENTIALS, None])
@pytest.mark.parametrize("make", [lambda url: Issuer(url, audience="a"), IssuerDocuments])
def test_invalid_url_is_refused_and_not_repeated(make, url):
    with pytest.raises(ValueError, match="url must") as refused:
        make(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", [*BAD_URLS, *WITH_CREDENTIALS, None])
def test_follower_invalid_url_is_refused(url):
    with pytest.raises(ValueError, match="url must"):
        Follower(url, bytes)


@pytest.mark.parametrize("url", [*BAD_URLS, *WITH_QUERY, *WITH_CREDENTIALS])
def test_invalid_backchannel_is_refused(url):
    with pytest.raises(ValueError, match="backchannel must"):
        Issuer(URL, audience="a", backchannel=url)


@pytest.mark.parametrize("url", [*BAD_URLS, *WITH_QUERY, "socks5://127.0.0.1:1080"])
def test_invalid_proxy_is_refused(url):
    with pytest.raises(ValueError, match="proxy must"):
        Issuer(URL, audience="a", proxy=url)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "http://localhost:8080",
        "https://issuer.example/",
        "https://issuer.example/realms/shop",
        "https://i.example/a%20b",
        "https://xn--bcher-kva.example",
        "http://[::1]:8080",
        "http://127.0.0.1",
        "http://auth_service:8081",
        "https://i.example.",
    ],
)
def test_valid_url_is_kept_unchanged(url):
    issuer = Issuer(url, audience="a", backchannel=url)
    assert (issuer.policy.issuer, issuer.documents.url) == (url, url)


BAD_AUDIENCES = [
    "",
    " ",
    " a",
    "a\n",
    "a\x00b",
    5,
    None,
    True,
    b"a",
    [],
    (),
    set(),
    [""],
    ["a", ""],
    ["a", 5],
    ["a", ["b"]],
    {"a": 1},
    pytest.param(iter(["a"]), id="an iterator"),
]


@pytest.mark.parametrize("audience", BAD_AUDIENCES)
def test_invalid_audience_is_refused(audience):
    for make in (lambda: Issuer(URL, audience=audience), lambda: Policy(URL, audience)):
        with pytest.raises(ValueError, match="audience must"):
            make()


@pytest.mark.parametrize(
    "audience",
    [["a", "b"], ("a", "b"), {"a", "b"}, frozenset({"a", "b"})],
    ids=["list", "tuple", "set", "frozenset"],
)
@pytest.mark.parametrize(
    ("aud", "accepted"),
    [("a", True), ("b", True), (["c", "b"], True), ("c", False), ([], False), ("ab", False)],
)
def test_any_of_several_audiences_suffices(audience, aud, accepted, signer, keys, policy, clock):
    verifier = Verifier(Policy(policy.issuer, audience), lambda: keys, now=clock)
    token = signer.token(aud=aud)
    if accepted:
        assert verifier.verify(token) == verifier.verify(token)
    else:
        with pytest.raises(Exception, match="another audience"):
            verifier.verify(token)


def test_policy_copies_its_audiences():
    audience = ["a"]
    policy = Policy(URL, audience)
    audience.append("b")
    assert policy.audiences == {"a"}


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("leeway", [-1, 301, NAN, float("inf"), "30", None, True]),
        ("fresh_within", [0, -1, NAN, "30", None, True]),
        ("stale_within", [0, -1, NAN, "30", None]),
        ("alert_after", [0, -1, NAN, "30", None]),
        ("cache_size", [-1, 1.5, NAN, "1", None, True]),
        ("now", [None, 5, "now"]),
        ("clock", [None, 5]),
        ("before_wait", [None, 5]),
        ("jwks_path", ["", "keys", "/a b", "/a#b", "/é", "https://elsewhere.example/keys", None, 5]),
        ("status_path", ["", "lists/", "/a b/", "/a#", None, 5]),
        ("snapshots", ["", 5, __file__, "a\0b"]),
        ("ca", ["", "/no/such/file", __file__, "/proc/self", 5, b"x", ["x"], True]),
    ],
)
def test_invalid_setting_error_names_it(setting, values):
    for value in values:
        with pytest.raises(ValueError, match=setting):
            Issuer(URL, audience="a", **{setting: value})


@pytest.mark.parametrize(
    "settings",
    [
        {"leeway": 0},
        {"leeway": 300},
        {"leeway": 0.5},
        {"fresh_within": 1},
        {"stale_within": float("inf")},
        {"cache_size": 0},
        {"jwks_path": "/keys?policy=b2c_1"},
        {"snapshots": "a-folder-to-be"},
        {"proxy": "http://user:password@proxy.example:3128"},
        pytest.param({"ca": ssl.create_default_context()}, id="an SSL context"),
    ],
)
def test_valid_setting_is_accepted(settings):
    Issuer(URL, audience="a", **settings)


def test_unverified_tls_context_is_refused():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="checks certificates"):
        Issuer(URL, audience="a", ca=context)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("max_bytes", 0), ("default_interval", 0), ("forget_after", NAN), ("alert_after", -1), ("parse", None)],
)
def test_follower_invalid_argument_is_refused(setting, value):
    settings = {"parse": bytes, setting: value}
    with pytest.raises(ValueError, match=setting):
        Follower(URL, **settings)


@pytest.mark.parametrize("issuers", [None, 5, [], "https://issuer.example", [URL], [None]])
def test_issuers_of_other_types_are_refused(issuers):
    with pytest.raises(ValueError, match="non-empty list of Issuer"):
        Issuers(issuers)


def test_issuers_without_list_are_refused():
    with pytest.raises(ValueError, match="non-empty list of Issuer"):
        Issuers(Issuer(URL, audience="a"))


@pytest.mark.parametrize("issuer", ["", " https://a", "https://a b", "a\n", 5, None])
def test_policy_invalid_issuer_is_refused(issuer):
    with pytest.raises(ValueError, match="issuer must"):
        Policy(issuer, "a")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "rs256", "", None, 5, ["RS256"]])
def test_policy_other_algorithm_is_refused(algorithm):
    with pytest.raises(ValueError, match="algorithm must be RS256"):
        Policy(URL, "a", algorithm)


def test_verifier_invalid_argument_is_refused(policy, keys):
    for arguments in ((None, lambda: keys), (policy, keys), (policy, None)):
        with pytest.raises(ValueError, match="must be"):
            Verifier(*arguments)
    for settings in ({"lists": 5}, {"now": None}, {"cache_size": -1}):
        with pytest.raises(ValueError, match="must be"):
            Verifier(policy, lambda: keys, **settings)


def test_parsed_jwk_set_is_accepted(signer):
    document = {"keys": [signer.jwk()]}
    assert KeySet.from_jwks(document) == KeySet.from_jwks(signer.jwks())
    assert document == {"keys": [signer.jwk()]}


@pytest.mark.parametrize(
    "document", [None, 5, [], {}, {"keys": {}}, {"keys": None}, "", b"", "[]", [{"kty": "RSA"}]]
)
def test_other_jwk_set_raises_value_error(document):
    with pytest.raises(ValueError, match=r".+"):
        KeySet.from_jwks(document)

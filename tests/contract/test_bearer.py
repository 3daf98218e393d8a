"""The bearer comes from exactly one Authorization header, and no other place (RFC 6750 section 2)."""

import json

import pytest

OTHER_PLACES = {
    "the query": ("?access_token={token}", []),
    "a cookie": ("", [("Cookie", "access_token={token}; Authorization=Bearer {token}")]),
    "Proxy-Authorization": ("", [("Proxy-Authorization", "Bearer {token}")]),
    "X-Authorization": ("", [("X-Authorization", "Bearer {token}")]),
    "X-Forwarded-Authorization": ("", [("X-Forwarded-Authorization", "Bearer {token}")]),
    "X-Original-Authorization": ("", [("X-Original-Authorization", "Bearer {token}")]),
    "X-Access-Token": ("", [("X-Access-Token", "{token}")]),
}

NO_CREDENTIALS = {
    "nothing": "",
    "the scheme alone": "Bearer",
    "the scheme and a blank": "Bearer ",
    "the token without a scheme": "{token}",
    "another scheme": "Basic {token}",
    "a scheme that starts alike": "BearerToken {token}",
    "no blank": "Bearer{token}",
    "a colon": "Bearer: {token}",
    "an equals sign": "Bearer={token}",
    "quotes": 'Bearer "{token}"',
    "two tokens": "Bearer {token} {token}",
    "two credentials in one line": "Bearer {token}, Bearer {token}",
    "a comma behind": "Bearer {token},",
    "a parameter behind": "Bearer {token}; charset=utf-8",
    "two schemes": "Bearer Bearer {token}",
    "Basic first": "Basic YTpi, Bearer {token}",
}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_scheme_is_case_insensitive(route, valid_token, raw_client, scheme):
    answer = raw_client(route.url)(
        route.method, route.path, ("Authorization", f"{scheme} {valid_token(route)}")
    )

    assert answer.status == route.success


def test_missing_token_gets_plain_challenge(route, raw_client):
    answer = raw_client(route.url)(route.method, route.path)

    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "error=" not in answer.headers["www-authenticate"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("place", list(OTHER_PLACES))
def test_token_outside_authorization_header_is_401(route, valid_token, raw_client, place):
    token = valid_token(route)
    query, lines = OTHER_PLACES[place]

    answer = raw_client(route.url)(
        route.method,
        route.path + query.format(token=token),
        *((name, value.format(token=token)) for name, value in lines),
    )

    assert answer.status == 401
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "application/json"])
def test_token_in_body_is_401(cluster, via, service, valid_token, route, raw_client, media_type):
    token = valid_token(route)
    method, path = {"users-service": ("PATCH", "/users/me")}.get(service, ("POST", route.path))
    body = f"access_token={token}" if "form" in media_type else json.dumps({"access_token": token})

    answer = raw_client(route.url)(method, path, ("Content-Type", media_type), body=body.encode())

    assert answer.status == 401


@pytest.mark.parametrize("credentials", list(NO_CREDENTIALS))
def test_malformed_credentials_are_401(route, valid_token, raw_client, credentials):
    line = NO_CREDENTIALS[credentials].format(token=valid_token(route))

    answer = raw_client(route.url)(route.method, route.path, ("Authorization", line))

    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("second", ["Bearer {token}", "Bearer x", "Basic YTpi", ""])
@pytest.mark.parametrize("spelling", ["Authorization", "authorization", "AUTHORIZATION"])
def test_two_authorization_headers_are_refused(route, valid_token, raw_client, second, spelling):
    token = valid_token(route)
    lines = [("Authorization", f"Bearer {token}"), (spelling, second.format(token=token))]

    answers = [
        raw_client(route.url)(route.method, route.path, *order).status for order in (lines, lines[::-1])
    ]

    assert answers == ([400, 400] if route.via == "gateway" else [401, 401])

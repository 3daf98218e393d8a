"""Data and short functions that the tests of routes share."""

import base64
import hashlib

import jwt
from testkit.browser import forms_of

PASSWORD = "correct-horse-battery-staple"
ALICE = {"email": "alice@example.com", "password": PASSWORD}
ISSUER = "http://localhost:8080"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CALLBACK = "http://127.0.0.1:5000/callback"
REQUEST = {
    "response_type": "code",
    "client_id": "cli",
    "redirect_uri": CALLBACK,
    "scope": "openid email orders:read",
    "state": "s",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def bearer(tokens):
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def error_of(response):
    return response.status_code, response.get_json()["error"]


def slug_of(response):
    return response.get_json()["type"].removeprefix("urn:touchstone:problem:")


def fields_of(page):
    """Return the fields of a page's form, with the values it came with."""
    return forms_of(page)[0].fields


def refresh(client, tokens, headers=None, **more):
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **more}
    return client.post("/oauth/token", data=form, headers=headers)

"""Push delivery of a security event token over HTTP (RFC 8935), bounded in time and size."""

import json
import re

import requests
from touchstone.following.transport import plain_session
from urllib3.exceptions import HTTPError

from auth_service.domain.delivery import DeliveryDelayed, DeliveryRefused

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 3.0, 5.0, 10.0
MAX_RESPONSE_BYTES = 8192
ACCEPTED, BAD_REQUEST = 202, 400
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,60}")


class HttpPushClient:
    """The domain's `PushClient`; may be shared by any number of threads.

    It follows no redirect, uses no proxy, no .netrc and no cookie. TLS certificates are verified.
    """

    def __init__(self, *, at_once: int, deadline: float = TOTAL_SECONDS) -> None:
        """Allow `at_once` concurrent pushes, each of at most `deadline` seconds."""
        self._session = plain_session(deadline=deadline, pool_maxsize=at_once)

    def push(self, url: str, authorization: str | None, token: str) -> None:
        """Return if the receiver accepts; raise DeliveryRefused or DeliveryDelayed, without the receiver's text."""
        headers = {
            "User-Agent": "touchstone",
            "Content-Type": "application/secevent+jwt",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            with self._session.post(
                url,
                data=token.encode(),
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code == ACCEPTED:
                    return
                refusal = _refusal(response)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise DeliveryDelayed(type(error).__name__) from None
        if refusal is not None:
            raise DeliveryRefused(refusal)
        raise DeliveryDelayed(f"the receiver answered {response.status_code}")


def _refusal(response: requests.Response) -> str | None:
    """Return the error code of a refusal (RFC 8935 section 2.3), None for any other response."""
    if response.status_code != BAD_REQUEST:
        return None
    body = b""
    for chunk in response.iter_content(1024):
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            return None
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    code = said.get("err") if isinstance(said, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None

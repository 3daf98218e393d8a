"""Handing a security event token to a receiver over HTTP (RFC 8935), bounded in time and size."""

import json
import re

import requests
from touchstone.following.transport import plain_session
from urllib3.exceptions import HTTPError

from auth_service.domain.delivery import DeliveryDelayed, DeliveryRefused

CONNECT, READ, WHOLE = 3.0, 5.0, 10.0  # seconds: for a connection, for one read, for the whole answer
LONGEST_ANSWER = 8192  # bytes that are looked at
ACCEPTED, BAD_REQUEST = 202, 400
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,60}")


class HttpPusher:
    """The domain's Pusher; may be shared by any number of threads.

    It follows no redirect, asks no proxy, reads no .netrc and keeps no cookie. TLS certificates are verified.
    """

    def __init__(self, *, at_once: int, whole: float = WHOLE) -> None:
        """``at_once`` pushes may be under way; each answer is read in ``whole`` seconds or not at all."""
        self._session = plain_session(deadline=whole, pool_maxsize=at_once)

    def push(self, url: str, authorization: str | None, token: str) -> None:
        """Return when it was accepted; raises DeliveryRefused or DeliveryDelayed, neither with a word of the receiver's prose."""
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
                timeout=(CONNECT, READ),
                allow_redirects=False,
                stream=True,
            ) as answer:
                if answer.status_code == ACCEPTED:
                    return
                refusal = _refusal(answer)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise DeliveryDelayed(type(error).__name__) from None
        if refusal is not None:
            raise DeliveryRefused(refusal)
        raise DeliveryDelayed(f"the receiver answered {answer.status_code}")


def _refusal(answer: requests.Response) -> str | None:
    """Give the error code of a refusal (RFC 8935 section 2.3); None for an answer that is none."""
    if answer.status_code != BAD_REQUEST:
        return None
    body = b""
    for chunk in answer.iter_content(1024):
        body += chunk
        if len(body) > LONGEST_ANSWER:
            return None
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    code = said.get("err") if isinstance(said, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None

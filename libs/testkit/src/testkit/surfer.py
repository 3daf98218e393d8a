"""A person at a browser without script: keeps cookies, reads forms, and sends them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

_MOST_STEPS = 8


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes, and what it holds as it was given out."""

    action: str
    method: str
    fields: dict[str, str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.onward: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower(), {}))
        elif tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.onward = given.get("content", "").partition("url=")[2] or None
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")


@dataclass
class Surfer:
    """Logs in and consents wherever a page asks for it. Addresses of other origins are never opened."""

    email: str
    password: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def get(self, url: str) -> requests.Response:
        """Open one address and stay there, wherever it points."""
        return self.session.get(url, allow_redirects=False, timeout=30)

    def send(self, page: requests.Response, **filled: str) -> requests.Response:
        """Send the page's first form with these fields filled in; AssertionError when there is none."""
        forms = forms_of(page)
        assert forms, page.text
        data = {**forms[0].fields, **filled}
        url = urljoin(page.url, forms[0].action)
        if forms[0].method == "get":
            return self.session.get(url, params=data, allow_redirects=False, timeout=30)
        return self.session.post(url, data=data, allow_redirects=False, timeout=30)

    def arrive(self, url: str, **extra: str) -> str:
        """Go from a client's address to the one that it is answered at; `extra` is sent with every form on the way.

        AssertionError, with the page, when a page does not lead on.
        """
        page = self.get(url)
        for _ in range(_MOST_STEPS):
            onward = page.headers["Location"] if page.is_redirect else onward_of(page)
            if onward is not None:
                target = urljoin(page.url, onward)
                if urlsplit(target)[:2] != urlsplit(url)[:2]:
                    return target
                page = self.get(target)
                continue
            assert page.status_code == 200, f"{page.status_code} {page.text}"
            page = self.send(page, **self._answer(page), **extra)
        raise AssertionError(f"no way on from {page.url}: {page.text}")

    def finish(self, url: str, **extra: str) -> requests.Response:
        """Open an address and send its forms until a page has none; give that page."""
        page = self.get(url)
        for _ in range(_MOST_STEPS):
            if page.is_redirect:
                page = self.get(urljoin(page.url, page.headers["Location"]))
            elif forms_of(page):
                page = self.send(page, **self._answer(page), **extra)
            else:
                return page
        raise AssertionError(f"no end at {page.url}: {page.text}")

    def _answer(self, page: requests.Response) -> dict[str, str]:
        if any("password" in form.fields for form in forms_of(page)[:1]):
            return {"email": self.email, "password": self.password}
        return {"_choice": "allow"}


def onward_of(page: requests.Response) -> str | None:
    """Return where an HTML page leads on to by itself, None when it does not."""
    reader = _Reader()
    reader.feed(page.text)
    return reader.onward


def forms_of(page: requests.Response) -> list[Form]:
    """Return the forms of an HTML page, in order."""
    reader = _Reader()
    reader.feed(page.text)
    return reader.forms

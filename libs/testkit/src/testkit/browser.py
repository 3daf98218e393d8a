"""A browser without script: keeps cookies, reads forms and submits them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

_MAX_STEPS = 8


@dataclass(frozen=True)
class Form:
    """A form of a page, with the values it came with."""

    action: str
    method: str
    fields: dict[str, str]


class _PageParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower(), {}))
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")


@dataclass
class Browser:
    """Logs in and consents wherever a page asks for it. Addresses of other origins are never opened."""

    email: str
    password: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def get(self, url: str) -> requests.Response:
        """Open one address, without following redirects."""
        return self.session.get(url, allow_redirects=False, timeout=30)

    def submit(self, page: requests.Response, **values: str) -> requests.Response:
        """Submit the page's first form with these values; AssertionError if there is none."""
        forms = forms_of(page)
        assert forms, page.text
        data = {**forms[0].fields, **values}
        url = urljoin(page.url, forms[0].action)
        if forms[0].method == "get":
            return self.session.get(url, params=data, allow_redirects=False, timeout=30)
        return self.session.post(url, data=data, allow_redirects=False, timeout=30)

    def authorize(self, url: str, **values: str) -> str:
        """Open an authorization request, log in and consent, and return the client's address it ends at.

        `values` are submitted with every form on the way. AssertionError, with the page, if a page is a dead end.
        """
        page = self.get(url)
        for _ in range(_MAX_STEPS):
            if page.is_redirect:
                target = urljoin(page.url, page.headers["Location"])
                if urlsplit(target)[:2] != urlsplit(url)[:2]:
                    return target
                page = self.get(target)
                continue
            assert page.status_code == 200, f"{page.status_code} {page.text}"
            page = self.submit(page, **self._answer(page), **values)
        raise AssertionError(f"no way on from {page.url}: {page.text}")

    def complete(self, url: str, **values: str) -> requests.Response:
        """Open an address, submit forms until a page has none, and return that page."""
        page = self.get(url)
        for _ in range(_MAX_STEPS):
            if page.is_redirect:
                page = self.get(urljoin(page.url, page.headers["Location"]))
            elif forms_of(page):
                page = self.submit(page, **self._answer(page), **values)
            else:
                return page
        raise AssertionError(f"no end at {page.url}: {page.text}")

    def _answer(self, page: requests.Response) -> dict[str, str]:
        if any("password" in form.fields for form in forms_of(page)[:1]):
            return {"email": self.email, "password": self.password}
        return {"_choice": "allow"}


def forms_of(page: requests.Response) -> list[Form]:
    """Return the forms of an HTML page, in order."""
    parser = _PageParser()
    parser.feed(page.text)
    return parser.forms

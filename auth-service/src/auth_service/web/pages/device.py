"""The page on which a person answers a device (RFC 8628 section 3.3): log-in, the code, and a yes or no."""

from typing import Any
from urllib.parse import urlencode

from flask import Response
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint
from touchstone.text import is_line

from auth_service.domain.accounts.errors import BadCredentials
from auth_service.domain.errors import StaleForm
from auth_service.domain.oauth.device_code import normalise_user_code
from auth_service.domain.oauth.errors import UnknownUserCode
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.oauth.device_approval import DeviceRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.html.errors import answer_on_pages
from auth_service.web.html.form_fallback import fields
from auth_service.web.html.parameters import described, form_pairs, query_pairs, written_in_form
from auth_service.web.html.rendering import HTML_RESPONSE, REDIRECT_RESPONSE, page, sent_to
from auth_service.web.pages.authorize import STALE, WRONG, missing_credentials
from auth_service.web.pages.schemas import DevicePageForm, DeviceQuery

TAGS = [Tag(name="pages", description="HTML pages for users.")]
PATH = "/oauth/device"
RESPONSES: dict[Any, Any] = {
    200: HTML_RESPONSE,
    303: REDIRECT_RESPONSE,
    400: HTML_RESPONSE,
    403: HTML_RESPONSE,
    422: HTML_RESPONSE,
    429: HTML_RESPONSE,
    503: HTML_RESPONSE,
}
UNKNOWN = "This code is wrong or has expired. Check the code on your device."


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("device_page", __name__, abp_tags=TAGS)
    shown = _Pages(use_cases)
    answer_on_pages(routes)

    @routes.get(PATH, operation_id="device", responses=RESPONSES)
    @described(query=DeviceQuery)
    def device() -> Response:
        """Ask for the code that a device shows; one in the address is filled in, never sent by itself."""
        return shown.first(fields(query_pairs()).get("user_code", ""))

    @routes.post(PATH, operation_id="deviceByForm", responses=RESPONSES)
    @described(form=DevicePageForm)
    def device_by_form() -> Response:
        """Take the log-in, the code, and the yes or no."""
        return shown.next(fields(form_pairs()))

    return routes


class _Pages:
    """What people see, and what is done with what they send."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases, self._answer = use_cases, use_cases.device_approval
        self._guard = use_cases.forms

    def first(self, typed: str, *, notice: str | None = None) -> Response:
        who, errors = self._who(), {"form": notice} if notice else {}
        if who is None:
            return self._log_in_page(typed, 403 if notice else 200, errors, "")
        return self._code_page(typed, who, 403 if notice else 200, errors)

    def next(self, sent: dict[str, str]) -> Response:
        typed = fields(written_in_form(sent.get("_request", ""))).get("user_code", sent.get("user_code", ""))
        try:
            if sent.get("_step") == "login":
                return self._logged_in(typed, sent)
            who = self._who()
            if who is None:
                return self.first(typed)
            if sent.get("_step") == "confirm":
                return self._decided(typed, who, sent)
            self._guard.check(sent.get("_form"), "device", "")
            return self._confirm_page(self._answer.find(typed, who), typed, who)
        except StaleForm:
            return self.first(typed, notice=STALE)
        except UnknownUserCode:
            return self._code_page(typed, self._who(), 422, {"user_code": UNKNOWN})

    def _logged_in(self, typed: str, sent: dict[str, str]) -> Response:
        self._guard.check(sent.get("_form"), "login", sent.get("_request", ""))
        email, password = sent.get("email", ""), sent.get("password", "")
        missing = missing_credentials(email, password)
        if missing:
            return self._log_in_page(typed, 422, missing, email)
        try:
            entered = self._use_cases.begin_browser_session(email, password, self._guard.cookies.login)
        except BadCredentials:
            return self._log_in_page(typed, 403, {"password": WRONG}, email)
        response = sent_to(f"{PATH}?{_query(typed)}" if typed else PATH)
        self._guard.cookies.set(response, self._guard.cookies.login_name, entered.cookie)
        return response

    def _decided(self, typed: str, who: BrowserUser, sent: dict[str, str]) -> Response:
        shown = sent.get("_scopes", "")
        self._guard.check(sent.get("_form"), "device-confirm", f"{_query(typed)}\n{shown}")
        allowed = sent.get("_choice") == "allow"
        asked = self._answer.decide(typed, who, frozenset(shown.split()) if allowed else None)
        name = asked.client.name
        if allowed:
            done = f"{name} can now use your account. Go back to your device; you can close this page."
            return page("result.html", title="Connected", message=done)
        return page("result.html", title="Denied", message=f"{name} got no access. You can close this page.")

    def _who(self) -> BrowserUser | None:
        return self._use_cases.authenticate_browser(self._guard.cookies.login)

    def _log_in_page(self, typed: str, status: int, errors: dict[str, str], email: str) -> Response:
        request = _query(typed)
        response = page(
            "login.html",
            status,
            errors=errors,
            action=PATH,
            request=request,
            form_token=self._guard.token("login", request),
            client_name="your device",
            email=email,
        )
        return self._guard.seal(response)

    def _code_page(
        self, typed: str, who: BrowserUser | None, status: int, errors: dict[str, str]
    ) -> Response:
        response = page(
            "device.html",
            status,
            errors=errors,
            action=PATH,
            form_token=self._guard.token("device", ""),
            user_code=normalise_user_code(typed) or (typed[:64] if is_line(typed) else ""),
            email=who.account.email if who else "",
        )
        return self._guard.seal(response)

    def _confirm_page(self, asked: DeviceRequest, typed: str, who: BrowserUser) -> Response:
        request, scopes = _query(typed), sorted(asked.scopes)
        response = page(
            "device_confirm.html",
            action=PATH,
            request=request,
            form_token=self._guard.token("device-confirm", f"{request}\n{' '.join(scopes)}"),
            user_code=normalise_user_code(typed),
            client_name=asked.client.name,
            email=who.account.email,
            scopes=scopes,
        )
        return self._guard.seal(response)


def _query(typed: str) -> str:
    return urlencode({"user_code": typed[:64]})

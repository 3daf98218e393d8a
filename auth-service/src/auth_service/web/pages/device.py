"""The page on which a user connects a device (RFC 8628 section 3.3): log-in, code and confirmation."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint
from touchstone.text import is_line

from auth_service.domain.errors import StaleForm
from auth_service.domain.oauth.device_code import normalise_user_code
from auth_service.domain.oauth.errors import UnknownUserCode
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.oauth.device_approval import DeviceRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import Pairs, decoded, encoded, fields, form_pairs, query_pairs
from auth_service.web.html.rendering import redirect_to, result_page
from auth_service.web.openapi import FORM_PAGE_RESPONSES, PAGE_TAGS
from auth_service.web.pages.login_form import FORM_EXPIRED, LoginForm, LoginPurpose
from auth_service.web.pages.pending_request import DEVICE as PATH
from auth_service.web.pages.pending_request import hinted_email, with_hint
from auth_service.web.pages.schemas import DevicePageForm, DeviceQuery

UNKNOWN_CODE = "This code is wrong or has expired. Check the code on your device."
MAX_CODE = 64  # characters


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("device_page", __name__, abp_tags=PAGE_TAGS)
    pages = _Pages(use_cases)
    errors.install(routes)

    @routes.get(PATH, operation_id="device", responses=FORM_PAGE_RESPONSES)
    @documented(query=DeviceQuery)
    def device() -> Response:
        """Show the form for a device's code; a code in the address is filled in, but not submitted."""
        return pages.open(query_pairs())

    @routes.post(PATH, operation_id="deviceByForm", responses=FORM_PAGE_RESPONSES)
    @documented(form=DevicePageForm)
    def device_by_form() -> Response:
        """Accept the log-in, the code and the decision."""
        return pages.submit(fields(form_pairs()))

    return routes


class _Pages:
    """The log-in, code and confirmation pages, and what follows their forms."""

    def __init__(self, use_cases: UseCases) -> None:
        self._approval = use_cases.device_approval
        self._forms = use_cases.forms
        self._login = LoginForm(use_cases, PATH)

    def open(self, pairs: Pairs, *, notice: str | None = None) -> Response:
        user_code = fields(pairs).get("user_code", "")
        session = self._login.session()
        status, faults = (403, {"form": notice}) if notice else (200, {})
        if session is None:
            return self._login.page(_purpose(pairs), None, status, faults)
        return self._code_page(user_code, session, status, faults)

    def submit(self, form: dict[str, str]) -> Response:
        request = decoded(form.get("_request", ""))
        user_code = fields(request).get("user_code", form.get("user_code", ""))
        pairs = (*request, ("user_code", user_code))
        try:
            if form.get("_step") == "login":
                return self._log_in(user_code, _purpose(pairs), form)
            session = self._login.session()
            if session is None:
                return self.open(pairs)
            if form.get("_step") == "confirm":
                return self._decide(user_code, session, form)
            self._forms.check(form.get("_form"), "device", "")
            return self._confirm_page(self._approval.find(user_code, session), user_code, session)
        except StaleForm:
            return self.open(pairs, notice=FORM_EXPIRED)
        except UnknownUserCode:
            return self._code_page(user_code, self._login.session(), 422, {"user_code": UNKNOWN_CODE})

    def _log_in(self, user_code: str, purpose: LoginPurpose, form: dict[str, str]) -> Response:
        session = self._login.submit(form, purpose)
        if isinstance(session, Response):
            return session
        response = redirect_to(f"{PATH}?{_query(user_code)}" if user_code else PATH)
        return self._login.set_cookie(response, session)

    def _decide(self, user_code: str, session: BrowserUser, form: dict[str, str]) -> Response:
        scopes = form.get("_scopes", "")
        self._forms.check(form.get("_form"), "device-confirm", f"{_query(user_code)}\n{scopes}")
        allowed = form.get("_choice") == "allow"
        request = self._approval.decide(user_code, session, frozenset(scopes.split()) if allowed else None)
        name = request.client.name
        if not allowed:
            return result_page("Denied", f"{name} got no access. You can close this page.")
        return result_page("Connected", f"{name} can now use your account. Go back to your device.")

    def _code_page(
        self, user_code: str, session: BrowserUser | None, status: int, faults: dict[str, str]
    ) -> Response:
        return self._forms.page(
            "device.html",
            "device",
            "",
            status,
            errors=faults,
            action=PATH,
            user_code=normalise_user_code(user_code) or (user_code[:MAX_CODE] if is_line(user_code) else ""),
            email=session.account.email if session else "",
        )

    def _confirm_page(self, request: DeviceRequest, user_code: str, session: BrowserUser) -> Response:
        query = _query(user_code)
        return self._forms.page(
            "device_confirm.html",
            "device-confirm",
            f"{query}\n{' '.join(sorted(request.scopes))}",
            action=PATH,
            request=query,
            user_code=normalise_user_code(user_code),
            client_name=request.client.name,
            email=session.account.email,
            scopes=request.scopes,
        )


def _query(user_code: str) -> str:
    return encoded([("user_code", user_code[:MAX_CODE])])


def _purpose(pairs: Pairs) -> LoginPurpose:
    user_code = fields(pairs).get("user_code", "")
    return LoginPurpose(with_hint((("user_code", user_code[:MAX_CODE]),), hinted_email(pairs)), "your device")

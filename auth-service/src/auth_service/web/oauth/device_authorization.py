"""The device authorization endpoint (RFC 8628 section 3.1)."""

from urllib.parse import urlencode

from flask import Response, jsonify
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.oauth.scopes import parse_scope
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import oauth_form
from auth_service.web.oauth.client_authentication import authenticated_client
from auth_service.web.oauth.schemas import DeviceAuthorizationView, GrantForm
from auth_service.web.openapi import OAUTH_ERRORS, OAUTH_TAGS
from auth_service.web.pages.pending_request import DEVICE as PATH
from auth_service.web.responses import NO_STORE


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("device", __name__, abp_tags=OAUTH_TAGS)

    @routes.post(
        "/oauth/device_authorization",
        operation_id="authorizeDevice",
        responses={200: DeviceAuthorizationView, **OAUTH_ERRORS},
    )
    @oauth_form
    def authorize_device(form: GrantForm) -> tuple[Response, int, dict[str, str]]:
        """Return a device code to poll with and a user code to enter on another device (RFC 8628 section 3.1)."""
        client = authenticated_client(use_cases, form)
        if client is None:
            raise InvalidClient("client_id is missing")
        started = use_cases.device_authorization(client, parse_scope(form.scope), form.audiences())
        page_url = f"{use_cases.issuer}{PATH}"
        answer = DeviceAuthorizationView(
            device_code=started.device_code,
            user_code=started.user_code,
            verification_uri=page_url,
            verification_uri_complete=f"{page_url}?{urlencode({'user_code': started.user_code})}",
            expires_in=started.expires_in,
            interval=started.interval,
        )
        return jsonify(answer.model_dump()), 200, NO_STORE

    return routes

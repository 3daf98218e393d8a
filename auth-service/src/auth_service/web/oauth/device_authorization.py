"""The device authorization endpoint (RFC 8628 section 3.1): what a device is told to show."""

from urllib.parse import urlencode

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.oauth.scopes import parse_scope
from auth_service.web.dependencies import UseCases
from auth_service.web.errors import NO_STORE
from auth_service.web.form_parsing import oauth_form
from auth_service.web.oauth.client_authentication import client_of
from auth_service.web.oauth.schemas import DeviceAnswer, DeviceForm
from auth_service.web.pages.device import PATH
from auth_service.web.schemas import OAuthProblem

TAGS = [Tag(name="oauth", description="OAuth 2 and OpenID Connect endpoints.")]


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("device", __name__, abp_tags=TAGS)

    @routes.post(
        "/oauth/device_authorization",
        operation_id="authorizeDevice",
        responses={200: DeviceAnswer, 400: OAuthProblem, 401: OAuthProblem},
    )
    @oauth_form
    def authorize_device(form: DeviceForm) -> tuple[Response, int, dict[str, str]]:
        """Begin: a code for the device to poll with, and one for a person to type elsewhere (RFC 8628 section 3.1)."""
        client = client_of(use_cases, form)
        if client is None:
            raise InvalidClient("client_id is missing")
        started = use_cases.device_authorization(client, parse_scope(form.scope), form.audiences())
        where = f"{use_cases.issuer}{PATH}"
        answer = DeviceAnswer(
            device_code=started.device_code,
            user_code=started.user_code,
            verification_uri=where,
            verification_uri_complete=f"{where}?{urlencode({'user_code': started.user_code})}",
            expires_in=started.expires_in,
            interval=started.interval,
        )
        return jsonify(answer.model_dump()), 200, NO_STORE

    return routes

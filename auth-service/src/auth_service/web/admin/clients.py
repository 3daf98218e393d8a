"""Routes for administrators: clients. Those defined in files can only be shown."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import current_token

from auth_service.domain.oauth.errors import UnknownClient
from auth_service.use_cases.admin.clients import ClientAdmin
from auth_service.web.admin.registry import Admins
from auth_service.web.admin.registry_schemas import (
    ClientChanges,
    ClientList,
    ClientPath,
    ClientView,
    NewClientRequest,
    NewClientView,
)
from auth_service.web.errors import PROBLEMS
from auth_service.web.openapi import NO_CONTENT, Responses
from auth_service.web.responses import model_response

_UNKNOWN: Responses = {404: problem_response("No client has this id.", PROBLEMS[UnknownClient])}


def add_clients(routes: ApiBlueprint, clients: ClientAdmin, admins: Admins) -> None:
    """Add the routes of clients."""

    @routes.get("/admin/clients", operation_id="listClients", responses={200: ClientList})
    @admins
    def list_clients() -> Response:
        """List all clients."""
        return model_response(ClientList(clients=[ClientView.of(client) for client in clients.all()]))

    @routes.get(
        "/admin/clients/<client_id>", operation_id="readClient", responses={200: ClientView, **_UNKNOWN}
    )
    @admins
    @validated
    def read_client(path: ClientPath) -> Response:
        """Show one client."""
        return model_response(ClientView.of(clients.get(path.client_id)))

    @routes.post("/admin/clients", operation_id="registerClient", responses={201: NewClientView})
    @admins
    @validated
    def register_client(body: NewClientRequest) -> tuple[Response, int]:
        """Register a client; its secret, if it has one, is in this response alone."""
        table = body.model_dump(exclude_unset=True, exclude={"client_id", "with_secret"})
        by = current_token.subject
        made = clients.register(body.client_id, table, with_secret=body.with_secret, by=by)
        return model_response(NewClientView.of_new(made)), 201

    @routes.patch(
        "/admin/clients/<client_id>", operation_id="changeClient", responses={200: ClientView, **_UNKNOWN}
    )
    @admins
    @validated
    def change_client(path: ClientPath, body: ClientChanges) -> Response:
        """Replace members of a client's metadata; open sessions narrow to it at their next refresh."""
        changes = body.model_dump(exclude_unset=True)
        return model_response(
            ClientView.of(clients.update(path.client_id, changes, by=current_token.subject))
        )

    _add_switches(routes, clients, admins)


def _add_switches(routes: ApiBlueprint, clients: ClientAdmin, admins: Admins) -> None:
    @routes.post(
        "/admin/clients/<client_id>/disable",
        operation_id="disableClient",
        responses={**NO_CONTENT, **_UNKNOWN},
    )
    @admins
    @validated
    def disable_client(path: ClientPath) -> tuple[str, int]:
        """Disable a client and end its sessions."""
        clients.disable(path.client_id, by=current_token.subject)
        return "", 204

    @routes.post(
        "/admin/clients/<client_id>/enable",
        operation_id="enableClient",
        responses={**NO_CONTENT, **_UNKNOWN},
    )
    @admins
    @validated
    def enable_client(path: ClientPath) -> tuple[str, int]:
        """Enable a client; its old sessions stay ended."""
        clients.enable(path.client_id, by=current_token.subject)
        return "", 204

    @routes.post(
        "/admin/clients/<client_id>/rotate-secret",
        operation_id="rotateClientSecret",
        responses={200: NewClientView, **_UNKNOWN},
    )
    @admins
    @validated
    def rotate_secret(path: ClientPath) -> Response:
        """Replace the secret of a client; the old one is invalid at once."""
        made = clients.rotate_secret(path.client_id, by=current_token.subject)
        return model_response(NewClientView.of_new(made))

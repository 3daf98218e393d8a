"""`sessions`: list, end."""

import click
from flask.cli import AppGroup

from auth_service.cli.common import Commands, json_option, moment, print_rows
from auth_service.domain.sessions.session import Session
from auth_service.use_cases.admin.sessions import SessionAdmin

PAGE = 200


def session_commands(sessions: SessionAdmin) -> AppGroup:
    """Return the `sessions` group."""
    group = Commands("sessions", help="Manage log-in sessions.")

    @group.command("list")
    @click.option("--sub", help="Only sessions of this account (subject).")
    @json_option
    def list_sessions(sub: str | None, as_json: bool) -> None:  # noqa: FBT001 - click hands it in
        """List the active sessions."""
        rows, after = [], None
        while page := sessions.page(sub, after, PAGE):
            rows += [_row(session) for session in page]
            after = page[-1].sid
        print_rows(rows, ("sid", "sub", "client_id", "auth_time", "last_used_at", "address"), as_json=as_json)

    @group.command("end")
    @click.argument("sid")
    def end(sid: str) -> None:
        """End the session SID: its tokens are refused and cannot be refreshed."""
        click.echo(f"ended {sid}" if sessions.end(sid) else f"{sid} was already ended")

    return group


def _row(session: Session) -> dict[str, object]:
    return {
        "sid": session.sid,
        "sub": session.sub,
        "client_id": session.client_id,
        "scopes": sorted(session.scopes),
        "audiences": list(session.audiences),
        "methods": list(session.methods),
        "auth_time": moment(session.auth_time),
        "expires_at": moment(session.expires_at),
        "last_used_at": moment(session.last_used_at),
        "address": session.address,
        "user_agent": session.user_agent,
    }

"""`audit`: the log as JSON lines, oldest first."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext

from auth_service.domain.audit_log import AuditEntry, AuditQuery, EventType
from auth_service.use_cases.admin.audit_log import AuditLogEntries


def audit_command(read: AuditLogEntries) -> click.Command:
    """Return the command."""

    @click.command("audit")
    @click.option("--since", type=click.DateTime(FORMATS), help="Only entries of this time (UTC) or later.")
    @click.option(
        "--event", type=click.Choice([str(event) for event in EventType]), help="Only events of this type."
    )
    @click.option(
        "--limit",
        type=click.IntRange(1, 100_000),
        default=100,
        show_default=True,
        help="At most this number of entries, the newest.",
    )
    @with_appcontext
    def audit(since: datetime | None, event: str | None, limit: int) -> None:
        """Print the audit log: one JSON object a line, oldest first."""
        start = None if since is None else since.replace(tzinfo=UTC).timestamp()
        for entry in reversed(read(AuditQuery(since=start, event=event), limit)):
            click.echo(json.dumps(_line(entry)))

    return audit


FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")


def _line(entry: AuditEntry) -> dict[str, object]:
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": entry.id, "at": at} | {**asdict(entry), "at": at}

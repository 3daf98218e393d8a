"""`signals`: streams, remove."""

import click
from flask.cli import AppGroup

from auth_service.cli.common import Commands, json_option, moment, print_rows
from auth_service.domain.security_events.stream import Stream
from auth_service.use_cases.security_events.streams import StreamAdmin


def signal_commands(streams: StreamAdmin) -> AppGroup:
    """Return the `signals` group."""
    group = Commands("signals", help="Manage the event streams, which report ended sessions to receivers.")

    @group.command("streams")
    @json_option
    def list_streams(as_json: bool) -> None:  # noqa: FBT001 - click hands it in
        """List all streams with their number of queued events."""
        columns = ("stream_id", "client_id", "delivery", "status", "waiting", "created_at", "endpoint_url")
        print_rows([_row(*each) for each in streams.all()], columns, as_json=as_json)

    @group.command("remove")
    @click.argument("stream_id")
    def remove(stream_id: str) -> None:
        """Delete the stream STREAM_ID and its queued events."""
        streams.remove(stream_id)
        click.echo(f"removed {stream_id}")

    return group


def _row(stream: Stream, waiting: int) -> dict[str, object]:
    return {
        "stream_id": stream.stream_id,
        "client_id": stream.client_id,
        "delivery": "poll" if stream.endpoint_url is None else "push",
        "status": stream.status,
        "waiting": waiting,
        "created_at": moment(stream.created_at),
        "endpoint_url": stream.endpoint_url,
        "events": [event.rpartition("/")[2] for event in stream.delivered],
        "description": stream.description,
    }

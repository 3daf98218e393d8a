"""Request bodies: read whole, or refused."""

import asyncio

import pytest
from gateway.errors import Refusal
from gateway.request_body import MAX_BODY, MAX_IN_MEMORY, MAX_PARTS, MAX_ROUTE_BODY, RequestBodies
from gateway.routing.route import Route

from gateway import request_body

DISCONNECT = {"type": "http.disconnect"}


def parts(*data, more=False):
    """Return the ASGI messages of a body; with `more` the last of them does not end it."""
    last = len(data) - 1
    return [
        {"type": "http.request", "body": part, "more_body": more or number < last}
        for number, part in enumerate(data)
    ]


def read(messages, length=None, limit=MAX_BODY, bodies=None):
    """Return `(data, contents of the file or None, length)` of a body that comes in these messages."""
    left = list(messages)

    async def receive():
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def run():
        body = await (bodies or RequestBodies()).read(receive, length, limit)
        try:
            if body.file is not None:
                body.file.seek(0)
            return body.data, body.file and body.file.read(), body.length
        finally:
            body.close()

    return asyncio.run(run())


def refused(*args, **named):
    with pytest.raises(Refusal) as refusal:
        read(*args, **named)
    return refusal.value.kind.status


@pytest.mark.parametrize("data", [[b"ab"], [b"a", b"b"], [b"", b"ab", b""]])
@pytest.mark.parametrize("length", [2, None])
def test_body_complete_is_returned(data, length):
    assert read(parts(*data), length) == (b"ab", None, 2)


def test_body_empty_is_accepted():
    assert read([{"type": "http.request"}]) == (b"", None, 0)


@pytest.mark.parametrize("length", [9, None])
@pytest.mark.parametrize("came", [[], [b'{"whole": "JSON"}'], [b"a", b"b"]])
def test_body_client_disconnects_is_400(came, length):
    assert refused([*parts(*came, more=True), DISCONNECT], length) == 400


@pytest.mark.parametrize("data", [[b""], [b"a"], [b"abc"]])
def test_body_length_mismatch_is_400(data):
    assert refused(parts(*data), 2) == 400


@pytest.mark.parametrize("came", [[], [b"a"]])
def test_body_too_slow_is_408(came):
    assert refused(parts(*came, more=True), 9, bodies=RequestBodies(seconds=0.01)) == 408


def test_body_length_over_limit_is_413_unread():
    assert refused([], MAX_BODY + 1) == 413


def test_body_in_chunks_over_limit_is_413():
    assert read(parts(b"a" * MAX_BODY))[2] == MAX_BODY
    assert refused(parts(b"a" * MAX_BODY, b"a", more=True)) == 413


def test_body_in_too_many_parts_is_400():
    assert read(parts(*[b"a"] * MAX_PARTS))[2] == MAX_PARTS
    assert refused(parts(*[b"a"] * (MAX_PARTS + 1))) == 400


def test_body_without_memory_is_503():
    bodies = RequestBodies(memory=10)

    async def receive():
        return parts(b"a" * 6)[0]

    async def run():
        first = await bodies.read(receive, None, MAX_BODY)
        with pytest.raises(Refusal) as refusal:
            await bodies.read(receive, None, MAX_BODY)
        first.close()
        second = await bodies.read(receive, None, MAX_BODY)
        return refusal.value, second.data

    refusal, data = asyncio.run(run())
    assert (refusal.kind.status, data) == (503, b"a" * 6)
    assert dict(refusal.headers) == {b"retry-after": b"1"}


@pytest.mark.parametrize("messages", [[DISCONNECT], [*parts(b"a" * 9, more=True), DISCONNECT]])
def test_body_refused_frees_memory(messages):
    bodies = RequestBodies(memory=10)
    for _ in range(3):
        assert refused(messages, bodies=bodies) == 400
    assert read(parts(b"a" * 10), bodies=bodies)[2] == 10


def test_body_long_is_kept_in_a_file():
    data = bytes(range(256)) * (MAX_IN_MEMORY // 128)
    half = len(data) // 2
    bodies = RequestBodies(memory=MAX_IN_MEMORY)
    for _ in range(2):
        came = read(parts(data[:half], data[half:], b"end"), limit=MAX_ROUTE_BODY, bodies=bodies)
        assert came == (b"", data + b"end", len(data) + 3)


def test_body_long_without_disk_is_503(monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(request_body, "TemporaryFile", full)

    assert refused(parts(b"a" * (MAX_IN_MEMORY + 1)), limit=MAX_ROUTE_BODY) == 503


@pytest.mark.parametrize(
    ("upstream", "limit", "bound"),
    [
        ("orders-service", "client", MAX_ROUTE_BODY),
        ("auth-service", "account", MAX_BODY),
        ("gateway", "client", MAX_BODY),
    ],
)
def test_route_max_body_has_a_maximum(upstream, limit, bound):
    def make(max_body):
        return Route(path="/x", methods=["PUT"], upstream=upstream, limits=[limit], max_body=max_body)

    assert make(bound).max_body == bound
    with pytest.raises(ValueError, match="max_body"):
        make(bound + 1)

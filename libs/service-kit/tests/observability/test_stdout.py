import contextlib
import io
import os

from prometheus_client import CollectorRegistry
from service_kit.observability import metrics
from service_kit.observability.stdout import MAX_WAITING, Stdout

LINE = "a" * 999 + "\n"


@contextlib.contextmanager
def pipe():
    """Yield both ends of a pipe that is stdout meanwhile."""
    reading, writing = os.pipe()
    with (
        os.fdopen(reading, "rb") as reader,
        os.fdopen(writing, "w", encoding="utf-8") as writer,
        contextlib.redirect_stdout(writer),
    ):
        yield reader, writer


def test_line_is_written_at_once():
    with pipe() as (reader, _):
        Stdout().write("é\n")
        assert reader.readline() == "é\n".encode()


def test_lines_wait_while_not_read():
    stdout = Stdout()
    texts = [f"{number} {LINE}" * 7 for number in range(100)]
    with pipe() as (reader, _):
        for text in texts:
            stdout.write(text)
        expected = "".join(texts).encode()
        assert reader.read(len(expected)) == expected
    assert stdout.dropped == 0


def test_lines_beyond_the_bound_are_counted():
    stdout = Stdout()
    lines = MAX_WAITING // len(LINE) + 500
    with pipe() as (reader, _):
        for _ in range(lines):
            stdout.write(LINE)
        kept = (lines - stdout.dropped) * len(LINE)
        assert reader.read(kept) == LINE.encode() * (kept // len(LINE))
    assert 0 < stdout.dropped < 500


def test_reader_gone_raises_nothing():
    stdout = Stdout()
    with pipe() as (reader, _):
        stdout.write(LINE * 200)
        reader.close()
        stdout.write(LINE)


def test_closed_stdout_raises_nothing():
    with pipe() as (_, writer):
        writer.close()
        Stdout().write(LINE)


def test_stdout_without_a_file_is_written():
    with contextlib.redirect_stdout(io.StringIO()) as text:
        Stdout().write(LINE)
    assert text.getvalue() == LINE


def test_dropped_lines_are_a_metric():
    registry = CollectorRegistry()
    registry.register(metrics.LogMetrics())
    assert registry.get_sample_value("log_lines_dropped_total") is not None

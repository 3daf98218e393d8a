"""The optional help of msgspec."""

from importlib.util import find_spec
from types import SimpleNamespace

from touchstone.msgspec_support import CODECS, make_codecs


def test_msgspec_helps_where_it_is_installed():
    assert (CODECS is None) == (find_spec("msgspec") is None)


def test_help_is_made_of_its_readers_and_its_writer():
    def reader(kind=None):
        return SimpleNamespace(decode=("read", kind))

    def writer():
        return SimpleNamespace(encode="write")

    fake = SimpleNamespace(json=SimpleNamespace(Decoder=reader, Encoder=writer))
    assert make_codecs(fake) == (
        ("read", None),
        "write",
        ("read", bytes),
        ("read", tuple[bytes, bytes]),
    )

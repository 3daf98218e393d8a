"""The optional codecs of msgspec."""

from importlib.util import find_spec
from types import SimpleNamespace

from touchstone.msgspec_support import CODECS, make_codecs


def test_codecs_exist_with_msgspec():
    assert (CODECS is None) == (find_spec("msgspec") is None)


def test_codecs_are_msgspec_methods():
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

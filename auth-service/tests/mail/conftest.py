"""What the tests of mail and of what goes by mail share: an outbox that can be read, a real SMTP server."""

import re
import socket
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from auth_service.domain.errors import MailBusy
from structlog.testing import capture_logs

NO_SMTP = "aiosmtpd: pip install aiosmtpd"


@dataclass
class FakeOutbox:
    """Sends nothing, and shows what it was given: `letters`, and `work`, which counts what was no letter too."""

    letters: list = field(default_factory=list)
    work: int = 0
    full: bool = False

    def post(self, letter):
        if self.full:
            raise MailBusy("full", retry_after=5)
        self.work += 1
        if letter is not None:
            self.letters.append(letter)

    @property
    def last(self):
        return self.letters[-1]

    @property
    def token(self):
        return self.last.link.partition("token=")[2]

    @property
    def code(self):
        return re.search(r"^[B-Z]{4}-[B-Z]{4}$", self.last.text, re.MULTILINE)[0]


@pytest.fixture
def outbox():
    return FakeOutbox()


@pytest.fixture
def make_mailing_app(make_app, outbox):
    """Make the mint over a SQLite file, with the outbox of this test."""
    return partial(make_app, outbox=outbox)


@pytest.fixture
def client(make_mailing_app):
    return make_mailing_app().test_client()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The store over either database in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def changed():
    return replace


@pytest.fixture
def free_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.fixture
def silent_port():
    """A port on which somebody listens, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def logged():
    """What the log says so far, as one text."""
    with capture_logs() as lines:
        yield lambda: repr(lines)

"""The mail outbox: no request waits for a delivery, and every email that fails is logged."""

import threading

import pytest
from auth_service.adapters.mail.demo_console import announce
from auth_service.background.mail_outbox import MailOutbox
from auth_service.domain.accounts.errors import MailBusy
from auth_service.domain.delivery import DeliveryDelayed, DeliveryRefused, retry_delay
from auth_service.domain.email import Email

SOON = 5.0  # seconds, the longest wait for an immediate effect


class FakeMailer:
    """Raises the given failures one after the other, then accepts every email."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []
        self.tried = threading.Semaphore(0)
        self.open = threading.Event()
        self.open.set()

    def send(self, to, subject, text):
        self.open.wait(SOON)
        try:
            if self.answers:
                raise self.answers.pop(0)
            self.sent.append(to)
        finally:
            self.tried.release()


def email(to="alice@example.com", until=10**10, link=None, code=None):
    return Email("magic_link", to, "Subject", "text", until, link, code)


@pytest.fixture
def make_outbox():
    """`make_outbox(mailer, **options)`: an outbox that retries at once."""
    made = []

    def make(mailer, **options):
        made.append(MailOutbox(mailer, delay=lambda attempts: 0.001, **options))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def test_email_is_sent_by_other_thread(make_outbox):
    mailer = FakeMailer()

    make_outbox(mailer).post(email())

    assert mailer.tried.acquire(timeout=SOON)
    assert mailer.sent == ["alice@example.com"]


def test_delayed_email_holds_up_no_other(make_outbox):
    mailer = FakeMailer(DeliveryDelayed("not now"), DeliveryDelayed("not now"))
    box = make_outbox(mailer)
    box.post(email("first@example.com"))
    box.post(email("second@example.com"))

    for _ in range(4):
        assert mailer.tried.acquire(timeout=SOON)

    box.stop()
    assert sorted(mailer.sent) == ["first@example.com", "second@example.com"]


@pytest.mark.parametrize(
    ("failure", "event"),
    [
        (DeliveryRefused("no such user"), "mail was refused"),
        (RuntimeError("alice@example.com"), "mail failed"),
    ],
)
def test_refused_email_log_hides_address(make_outbox, capsys, logged, failure, event):
    mailer = FakeMailer(failure)
    box = make_outbox(mailer)

    box.post(email())
    box.post(email("bob@example.com"))
    assert mailer.tried.acquire(timeout=SOON)
    assert mailer.tried.acquire(timeout=SOON)
    box.stop()

    assert mailer.sent == ["bob@example.com"]
    assert event in logged()
    assert "alice" not in logged()


def test_expired_email_is_given_up_and_logged(make_outbox, logged):
    mailer = FakeMailer(*[DeliveryDelayed("not now")] * 3)
    box = make_outbox(mailer, now=lambda: 100.0)

    box.post(email(until=100.0))
    assert mailer.tried.acquire(timeout=SOON)
    box.stop()

    assert mailer.sent == []
    assert "mail was given up" in logged()


def test_posting_none_takes_a_place(make_outbox):
    mailer = FakeMailer()
    mailer.open.clear()
    box = make_outbox(mailer, places=2)
    box.post(email())
    while box._queue:  # until the thread has taken it and is blocked in the mailer
        pass
    box.post(None)
    box.post(email())

    for each in (None, email()):
        with pytest.raises(MailBusy):
            box.post(each)
    mailer.open.set()


def test_unsent_email_is_logged_on_close(logged):
    mailer = FakeMailer(DeliveryDelayed("not now"))
    box = MailOutbox(mailer, delay=lambda attempts: 3600.0)
    box.post(email())
    assert mailer.tried.acquire(timeout=SOON)

    box.stop(patience=SOON)

    assert "mail was not sent before the end" in logged()
    with pytest.raises(MailBusy):
        box.post(email())


def test_demo_prints_mailed_link_and_code(make_outbox, capsys):
    mailer = FakeMailer()
    box = make_outbox(mailer, announce=announce)

    box.post(email(link="http://localhost:8080/magic-links/redeem?token=t", code="BCDF-GHJK"))
    box.post(email())
    box.stop()

    lines = [line for line in capsys.readouterr().out.splitlines() if '"mail"' in line]
    assert len(lines) == 1
    assert "redeem?token=t" in lines[0]
    assert '"code": "BCDF-GHJK"' in lines[0]
    assert "alice" not in lines[0]


def test_email_repr_hides_address_and_text():
    shown = repr(email(link="http://x?token=t"))

    assert "alice" not in shown
    assert "token" not in shown


def test_pauses_double_up_to_a_minute():
    pauses = [retry_delay(attempts, lambda: 1.0) for attempts in range(1, 11)]

    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == 60.0

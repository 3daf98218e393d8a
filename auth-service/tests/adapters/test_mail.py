"""Mail delivery: to a real SMTP server, and into a folder."""

import re
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from auth_service.adapters.mail import check_sender, mailer_for
from auth_service.adapters.mail.smtp import SmtpMailer, SmtpServer
from auth_service.domain.delivery import DeliveryDelayed, DeliveryRefused
from auth_service.settings import Settings
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

SENDER = "Touchstone <no-reply@issuer.example>"
LINK = "http://localhost:8080/magic-links/redeem?token=" + "t" * 120
TEXT = f"Open\n\n{LINK}\n\n.\nor not"


class Inbox:
    """The handler of an SMTP server: keeps each mail, or answers as a test has set."""

    def __init__(self):
        self.received = []
        self.arrived = threading.Event()
        self.rcpt_answer = self.data_answer = "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802 - aiosmtpd's name
        if self.rcpt_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt_answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.data_answer.startswith("250"):
            self.received.append(envelope)
            self.arrived.set()
        return self.data_answer


@pytest.fixture
def start_smtp():
    """`start_smtp(inbox, **options)`: a real server on a free loopback port."""
    controllers = pytest.importorskip("aiosmtpd.controller", reason="needs aiosmtpd: pip install aiosmtpd")
    started = []

    class OnFreePort(controllers.Controller):
        def _trigger_server(self):
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    def start(inbox, **options):
        controller = OnFreePort(inbox, hostname="127.0.0.1", port=0, **options)
        controller.start()
        started.append(controller)
        return controller.port

    yield start
    for controller in started:
        controller.stop()


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def smtp(start_smtp, inbox):
    """A mailer to a server that accepts every mail."""
    return mailer_for(f"smtp://127.0.0.1:{start_smtp(inbox)}", SENDER, None)


def test_mail_arrives_with_link_on_one_line(smtp, inbox):
    smtp.send("alice@example.com", "Your log-in link", TEXT)

    envelope = inbox.received[0]
    mail = message_from_bytes(envelope.content, policy=default)
    assert envelope.rcpt_tos == ["alice@example.com"]
    assert envelope.mail_from == "no-reply@issuer.example"
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, "alice@example.com", "Your log-in link")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@issuer.example>")
    assert mail["Date"]
    assert mail.get_content().splitlines() == TEXT.splitlines()
    assert LINK.encode() in envelope.content


@pytest.mark.parametrize(
    "address",
    ["a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y", "", "a@example.com, b@example.com"],
)
def test_header_injection_is_refused(smtp, inbox, address):
    with pytest.raises((DeliveryRefused, DeliveryDelayed)):
        smtp.send(address, "Subject", "text")

    assert inbox.received == []


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"rcpt_answer": "550 no such user"}, DeliveryRefused),
        ({"rcpt_answer": "450 greylisted"}, DeliveryDelayed),
        ({"data_answer": "554 spam"}, DeliveryRefused),
        ({"data_answer": "451 later"}, DeliveryDelayed),
    ],
)
def test_smtp_5xx_refuses_and_4xx_delays(smtp, inbox, answers, kind):
    vars(inbox).update(answers)

    with pytest.raises(kind) as failure:
        smtp.send("alice@example.com", "Subject", "text")

    assert "alice" not in str(failure.value)


def test_unreachable_server_is_delay(free_port):
    mailer = mailer_for(f"smtp://127.0.0.1:{free_port}", SENDER, None)

    with pytest.raises(DeliveryDelayed):
        mailer.send("alice@example.com", "Subject", "text")


def test_silent_server_is_delay(silent_port):
    mailer = SmtpMailer(SmtpServer("127.0.0.1", silent_port), SENDER, timeout=0.2)

    with pytest.raises(DeliveryDelayed):
        mailer.send("alice@example.com", "Subject", "text")


def test_non_ascii_address_needs_smtputf8(start_smtp, inbox):
    able = mailer_for(f"smtp://127.0.0.1:{start_smtp(inbox, enable_SMTPUTF8=True)}", SENDER, None)
    unable = mailer_for(f"smtp://127.0.0.1:{start_smtp(inbox, enable_SMTPUTF8=False)}", SENDER, None)

    able.send("jürgen@example.com", "Subject", "text")
    with pytest.raises(DeliveryRefused):
        unable.send("jürgen@example.com", "Subject", "text")

    assert inbox.received[0].rcpt_tos == ["jürgen@example.com"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A key and certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def login_check(server, session, envelope, mechanism, data):
    from aiosmtpd.smtp import AuthResult

    return AuthResult(success=(data.login, data.password) == (b"auth-service", b"a secret"))


@pytest.fixture
def starttls_port(start_smtp, inbox, server_tls):
    return start_smtp(
        inbox, tls_context=server_tls, require_starttls=True, authenticator=login_check, auth_required=True
    )


def test_starttls_encrypts_password(starttls_port, inbox, certificate):
    server = SmtpServer("localhost", starttls_port, "starttls", "auth-service", "a secret")

    SmtpMailer(server, SENDER, tls=ssl.create_default_context(cafile=certificate)).send(
        "a@example.com", "S", "t"
    )

    assert len(inbox.received) == 1


def test_wrong_smtp_password_is_delay(starttls_port, inbox, certificate):
    server = SmtpServer("localhost", starttls_port, "starttls", "auth-service", "another")
    mailer = SmtpMailer(server, SENDER, tls=ssl.create_default_context(cafile=certificate))

    with pytest.raises(DeliveryDelayed):
        mailer.send("a@example.com", "S", "t")

    assert inbox.received == []


def test_untrusted_certificate_gets_no_mail(starttls_port, inbox):
    mailer = mailer_for(
        f"smtp+starttls://auth-service@localhost:{starttls_port}", SENDER, SecretStr("a secret")
    )

    with pytest.raises(DeliveryDelayed):
        mailer.send("a@example.com", "S", "t")

    assert inbox.received == []


def test_missing_starttls_gets_no_mail(start_smtp, inbox):
    mailer = mailer_for(f"smtp+starttls://127.0.0.1:{start_smtp(inbox)}", SENDER, None)

    with pytest.raises((DeliveryDelayed, DeliveryRefused)):
        mailer.send("a@example.com", "S", "t")

    assert inbox.received == []


def test_smtps_is_encrypted_from_first_byte(start_smtp, inbox, server_tls, certificate):
    port = start_smtp(inbox, ssl_context=server_tls)
    server = SmtpServer("localhost", port, "tls")

    SmtpMailer(server, SENDER, tls=ssl.create_default_context(cafile=certificate)).send(
        "a@example.com", "S", "t"
    )

    assert len(inbox.received) == 1


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("http://host", None),
        ("smtp://", None),
        ("smtp://host:99999", None),
        ("smtp://host:0", None),
        ("smtp://user:word@host", None),
        ("smtps://user@host", None),
        ("smtps://host", "word"),
        ("smtp://user@host", "word"),
        ("smtp://host/path", None),
        ("smtp://host?x=1", None),
        ("file:", None),
        ("file:///", None),
        ("file://host/folder", None),
        ("nonsense", None),
    ],
)
def test_invalid_mail_url_hides_secret(url, password):
    with pytest.raises(ValueError, match=r"\w") as fault:
        mailer_for(url, SENDER, SecretStr(password) if password else None)

    assert "word@" not in str(fault.value)


@pytest.mark.parametrize("behind", ["", "/folder", "/folder/of/folders"])
def test_uncreatable_mail_folder_is_refused(tmp_path, behind):
    (tmp_path / "file").touch()

    with pytest.raises(ValueError, match="can write to"):
        mailer_for(f"file:{tmp_path}/file{behind}", SENDER, None)


def test_overlong_mail_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="can write to"):
        mailer_for(f"file:{tmp_path}/{'a' * 300}", SENDER, None)


@pytest.mark.parametrize("below", ["", "/new", "/new/folder"])
def test_mail_folder_check_creates_nothing(tmp_path, below):
    mailer_for(f"file:{tmp_path}{below}", SENDER, None)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sender",
    [
        *(
            "",
            "no-address",
            "@host",
            "name@",
            "Name <a@b>\r\nBcc: c@d",
            "a@b@c",
            "a..b@c",
            "a@c.",
            "a@-c",
            "a b@c",
        ),
        *("x <y@z> extra", "x <y@z", "y@z>", "x <y@z>>", "x y@z", "y@z extra", "Name <>", "<>", '"', "("),
        *(
            "a@b, c@d",
            "A, B <a@b>",
            "Name <a@b> <c@d>",
            "Name <a@b>;",
            "all: a@b;",
            '"a b"@c',
            "a@[192.0.2.1]",
        ),
    ],
)
def test_invalid_sender_is_refused(sender):
    with pytest.raises(ValueError, match=r"must (be one|have an) address"):
        check_sender(sender)


def test_valid_sender_is_accepted():
    check_sender(SENDER)
    for sender in (
        "no-reply@issuer.example",
        "<no-reply@issuer.example>",
        "Touchstone <no-reply@localhost>",
        "Zoë <zoë@bücher.example>",
        '"Shop, Inc." <a+b@shop.example>',
        "Dr. Who <who@shop.example>",
    ):
        check_sender(sender)


def test_mails_in_folder_are_private_files(tmp_path):
    folder = tmp_path / "var" / "mail"
    mailer = mailer_for(f"file:{folder}", SENDER, None)

    mailer.send("alice@example.com", "First", TEXT)
    mailer.send("bob@example.com", "Second", TEXT)

    first, second = sorted(folder.iterdir())
    assert {first.suffix, second.suffix} == {".eml"}
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert message_from_bytes(first.read_bytes(), policy=default)["Subject"] == "First"
    assert LINK in second.read_text()


def test_relative_mail_folder_is_accepted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    mailer_for("file:var/mail", SENDER, None).send("alice@example.com", "S", "t")

    assert len(list((tmp_path / "var" / "mail").glob("*.eml"))) == 1


def test_unwritable_mail_folder_is_delay(tmp_path):
    mailer = mailer_for(f"file:{tmp_path}/mail", SENDER, None)
    (tmp_path / "mail").write_text("a file")

    with pytest.raises(DeliveryDelayed):
        mailer.send("alice@example.com", "S", "t")


def test_mail_without_url_is_refused():
    with pytest.raises(DeliveryRefused, match="MAIL_URL"):
        mailer_for(None, SENDER, None).send("alice@example.com", "S", "t")


def test_magic_link_over_smtp_logs_in(start_smtp, inbox, make_app):
    client = make_app(outbox=None, mail_url=f"smtp://127.0.0.1:{start_smtp(inbox)}").test_client()

    client.post("/magic-links", json={"email": "alice@example.com"})
    inbox.arrived.wait(10)

    token = re.search(rb"redeem\?token=([\w-]+)", inbox.received[0].content)[1].decode()
    answer = client.post("/magic-links/redeem", json={"token": token})
    assert answer.status_code == 200
    assert inbox.received[0].rcpt_tos == ["alice@example.com"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mail_url", "smtp://user:word@host"),
        ("mail_url", "carrier-pigeon:loft"),
        ("mail_from", "no-address"),
    ],
)
def test_invalid_mail_setting_is_named(tmp_path, keys_dir, name, value):
    settings = {"database_url": f"sqlite:///{tmp_path}/auth.db", "keys_dir": keys_dir}

    with pytest.raises(ValidationError) as fault:
        Settings(**settings | {name: value})

    assert fault.value.errors()[0]["loc"] == (name,)
    assert "word@" not in str(fault.value)

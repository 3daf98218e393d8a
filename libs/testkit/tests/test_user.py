import time

import pytest
from testkit.token_signer import TokenSigner
from testkit.upstream import Answer
from testkit.user import User, mailed_token


def token_answer(**claims):
    return Answer(200, {"access_token": TokenSigner().sign(TokenSigner().claims(**claims))})


def test_user_logs_in_again_before_token_expires(client, upstream):
    now = int(time.time())
    upstream.answers = [token_answer(exp=now + 60), token_answer(exp=now + 300, sub="me")]
    user = User(client, "a@example.com", "secret")

    first, second, third = user.token, user.token, user.token

    assert first != second == third
    assert user.sub == "me"
    assert len(upstream.received) == 2


def test_failed_log_in_raises(client, upstream):
    upstream.answers = [Answer(401)]

    with pytest.raises(AssertionError):
        User(client, "a@example.com", "secret").log_in(scope="x")


def write(folder, name, to, link):
    (folder / f"{name}.eml").write_text(f"To: {to}\nSubject: S\n\nOpen\n\n{link}\n\nsoon.\n")


def test_mailed_token_is_newest_for_address_and_path(tmp_path):
    write(tmp_path, "1", "a@example.com", "http://x/account/verification?token=old")
    write(tmp_path, "2", "a@example.com", "http://x/account/verification?token=new-1_")
    write(tmp_path, "3", "b@example.com", "http://x/account/verification?token=another")
    write(tmp_path, "4", "a@example.com", "http://x/magic-links/redeem?token=another")

    assert mailed_token(tmp_path, "a@example.com", path="/account/verification") == "new-1_"


def test_missing_mail_raises(tmp_path):
    with pytest.raises(AssertionError):
        mailed_token(tmp_path / "none", "a@example.com", path="/x", timeout=0.1)

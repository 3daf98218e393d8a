"""Mail that a cluster wrote is found by address and by what its link is for."""

import pytest
from testkit.user import mailed_token


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

"""The command that makes keys: `python -m auth_service.make_keys`."""

import stat

import pytest
from auth_service.adapters.registry_files import packaged_rows
from auth_service.make_keys import main
from auth_service.signing import pem

PASSPHRASE = "a passphrase of many words"


def test_make_keys_twice_changes_nothing(tmp_path, capsys):
    assert main(["--keys-dir", str(tmp_path)]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.pem")}
    assert main(["--keys-dir", str(tmp_path)]) == 0

    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pem")} == before
    assert "all keys exist" in capsys.readouterr().out
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "clients").iterdir()}
    clients = [each.client_id for each in packaged_rows().clients if each.confidential]
    assert modes == {f"{name}.pem": 0o600 for name in clients} | {
        f"{name}.pub.pem": 0o644 for name in clients
    }
    assert len(before) == len(modes) + 1


def test_lost_public_half_is_made_again(keys_dir):
    public = keys_dir / "clients" / "introspector.pub.pem"
    before = public.read_bytes()
    public.unlink()

    assert main(["--keys-dir", str(keys_dir), "--client", "introspector"]) == 0
    assert public.read_bytes() == before


def test_new_private_key_replaces_public_half(keys_dir):
    public, private = (keys_dir / "clients" / f"introspector{end}" for end in (".pub.pem", ".pem"))
    private.unlink()
    before = public.read_bytes()

    assert main(["--keys-dir", str(keys_dir)]) == 0
    assert public.read_bytes() not in (b"", before)
    assert pem.read_private(private).public_key() == pem.read_public(public)


def test_make_keys_for_public_client_fails(keys_dir):
    with pytest.raises(SystemExit):
        main(["--keys-dir", str(keys_dir), "--client", "cli"])


def test_make_keys_with_passphrase_encrypts(environment, tmp_path):
    environment(KEY_PASSPHRASE=PASSPHRASE)

    assert main(["--keys-dir", str(tmp_path)]) == 0

    (file,) = (tmp_path / "signing").glob("*.pem")
    assert pem.is_encrypted(file.read_bytes())
    assert not pem.is_encrypted((tmp_path / "clients" / "introspector.pem").read_bytes())


def test_make_keys_for_pkcs11_writes_no_pem(environment, tmp_path):
    environment(SIGNING_STORE="pkcs11")

    assert main(["--keys-dir", str(tmp_path)]) == 0

    assert list((tmp_path / "signing").glob("*.pem")) == []

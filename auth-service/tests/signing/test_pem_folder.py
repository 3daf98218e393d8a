"""The folder of PEM files."""

import json
import time

import pytest
from auth_service.signing import pem
from auth_service.signing.pem_folder import KeyFolder
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers


def kids(key_ring):
    return [key["kid"] for key in json.loads(key_ring.document()[0])["keys"]]


def test_other_files_are_ignored_and_named_once(key_ring, folder, ticks, capsys):
    before = kids(key_ring)
    (folder.path / "notes.txt").write_text("hello")
    (folder.path / f"1800000000-{'A' * 43}.pem.bak").write_text("junk")
    ticks.advance(1)
    for _ in range(3):
        assert kids(key_ring) == before
        ticks.advance(1)

    assert capsys.readouterr().out.count("notes.txt") == 1


def test_bad_key_file_stops_start_by_name(bad_file, make_key_ring):
    path = bad_file()

    with pytest.raises(pem.KeyFault, match=path.name[:20]):
        make_key_ring()


def test_bad_key_file_after_start_is_left_out(key_ring, bad_file, ticks):
    before = kids(key_ring)
    bad_file()
    ticks.advance(1)

    assert kids(key_ring) == before


def test_folder_writable_by_others_stops_start(folder, make_key_ring):
    folder.path.chmod(0o770)

    with pytest.raises(pem.KeyFault):
        make_key_ring()


def test_unreadable_folder_keeps_known_keys(key_ring, folder, ticks):
    before = kids(key_ring)
    folder.path.rename(folder.path.with_name("elsewhere"))
    ticks.advance(1)

    assert kids(key_ring) == before
    assert key_ring.sign({}, typ="at+jwt")


def test_failed_write_leaves_no_key_file(tmp_path):
    with pytest.raises(TypeError):
        pem.write(tmp_path / "a.pem", "not bytes", 0o600)

    assert list(tmp_path.iterdir()) == []


def test_damaged_private_key_is_refused(folder):
    (file,) = folder.path.glob("*.pem")
    whole = pem.read_private(file).private_numbers()
    broken = RSAPrivateNumbers(
        whole.p, whole.q, whole.d + 2, whole.dmp1 + 2, whole.dmq1, whole.iqmp, whole.public_numbers
    )
    file.write_bytes(pem.private_pem(broken.private_key(unsafe_skip_rsa_key_validation=True)))

    with pytest.raises(pem.KeyFault, match="damaged"):
        KeyFolder(folder.path).open()


def test_folder_sees_changes_in_one_clock_tick(folder):
    names = [{*folder.keys()}]
    for _ in range(2):
        folder.create(time.time())
        names.append({*folder.keys()})

    assert [len(found) for found in names] == [1, 2, 3]


def test_file_deleted_during_read_is_absent(folder):
    signature = folder._scan()
    for file in folder.path.glob("*.pem"):
        file.unlink()

    folder._read_all(signature)

    assert folder._public == {}

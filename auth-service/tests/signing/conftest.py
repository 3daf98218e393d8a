"""Both kinds of key storage, with real keys: a folder, and a SoftHSM pkcs11 token of each test's own."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from auth_service.domain.signing_keys import KeyTimes
from auth_service.signing import pem
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.key_storage_settings import SigningStore
from auth_service.signing.pem_folder import KeyFolder
from pydantic import SecretStr
from service_kit.database.engine import file_lock
from testkit.clock import FakeClock
from testkit.forked_cluster import start_process
from testkit.keys import make_rsa, thumbprint

TIMES = KeyTimes.of(jwks_max_age=60, access_ttl=300)
SOFTHSM = [
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
    Path("/opt/homebrew/lib/softhsm/libsofthsm2.so"),
]
PIN = "correct horse"


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory):
    """The module, with a folder of pkcs11 tokens for this run alone."""
    module = next((path for path in SOFTHSM if path.exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("needs softhsm2: apt-get install softhsm2")
    pytest.importorskip("pkcs11", reason="needs python-pkcs11: pip install 'auth-service[pkcs11]'")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    yield module
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@dataclass
class StoredKeys:
    """The signing keys of one test: each key storage opened on them acts as that of another process."""

    store: SigningStore
    lock_file: Path
    clock: FakeClock
    ticks: FakeClock
    times: KeyTimes

    def key_storage(self):
        return self.store.storage(lambda: file_lock(self.lock_file))

    def key_ring(self):
        return KeyRing(self.key_storage(), self.times, self.clock, self.ticks)

    def process(self, action, **facts):
        """Let another process do something with the same keys, and return its answer."""
        pin = self.store.pin.get_secret_value() if self.store.pin else None
        facts |= {
            "kind": self.store.kind,
            "folder": str(self.store.folder),
            "module": str(self.store.module),
            "token": self.store.token,
            "pin": pin,
            "lock": str(self.lock_file),
        }
        command = [sys.executable, "-m", "replica", action, json.dumps(facts | {"now": self.clock()})]
        output, errors = (self.lock_file.with_name(f"{action}.{name}") for name in ("out", "err"))
        code = start_process(command, dict(os.environ), Path(__file__).parent, output, errors).wait(300)
        assert code == 0, output.read_text() + errors.read_text()
        sys.stderr.write(errors.read_text())  # shown by a test that fails
        return json.loads(output.read_text().splitlines()[-1])


@pytest.fixture
def make_token(softhsm):
    """`make_token()`: create an empty pkcs11 token and return its label."""

    def make():
        label = uuid.uuid4().hex
        command = [
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            label,
            "--pin",
            PIN,
            "--so-pin",
            "12345678",
        ]
        subprocess.run(command, check=True, capture_output=True)
        return label

    return make


@pytest.fixture
def make_stored_keys(tmp_path, clock):
    def make(store):
        times = KeyTimes.of(jwks_max_age=60, access_ttl=300)
        return StoredKeys(store, tmp_path / "keys-lock", clock, FakeClock(0), times)

    return make


@pytest.fixture
def pem_keys(make_stored_keys, tmp_path):
    return make_stored_keys(SigningStore("pem", tmp_path / "signing"))


@pytest.fixture
def pkcs11_keys(make_stored_keys, make_token, softhsm, tmp_path):
    store = SigningStore(
        "pkcs11", tmp_path / "signing", module=softhsm, token=make_token(), pin=SecretStr(PIN)
    )
    return make_stored_keys(store)


@pytest.fixture(params=["pem", "encrypted pem", "pkcs11"])
def stored_keys(request, tmp_path, make_stored_keys):
    """Every kind of key storage."""
    if request.param == "pkcs11":
        return request.getfixturevalue("pkcs11_keys")
    passphrase = SecretStr("a passphrase of many words") if request.param == "encrypted pem" else None
    return make_stored_keys(SigningStore("pem", tmp_path / "signing", passphrase))


@pytest.fixture(params=["pem_keys", "pkcs11_keys"])
def pem_or_pkcs11_keys(request):
    """Each kind of key storage once, for slow tests with several processes."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def folder(keys_dir):
    return KeyFolder(keys_dir / "signing")


@pytest.fixture
def ticks():
    return FakeClock(0)


@pytest.fixture
def make_key_ring(folder, clock, ticks):
    return lambda: KeyRing(KeyFolder(folder.path), TIMES, clock, ticks)


@pytest.fixture
def key_ring(make_key_ring):
    return make_key_ring()


def bad_files():
    good = pem.private_pem(make_rsa())
    kid = thumbprint(make_rsa().public_key())
    return {
        "readable by others": (good, kid, 0o640),
        "not a key": (b"junk", kid, 0o600),
        "a public key": (pem.public_pem(make_rsa().public_key()), kid, 0o600),
        "under another name": (good, "A" * 43, 0o600),
        "too small": (pem.private_pem(make_rsa(1024)), thumbprint(make_rsa(1024).public_key()), 0o600),
    }


@pytest.fixture(params=["readable by others", "not a key", "a public key", "under another name", "too small"])
def bad_file(request, folder):
    content, kid, mode = bad_files()[request.param]
    path = folder.path / f"1700000000-{kid}.pem"

    def place():
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return place

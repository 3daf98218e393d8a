"""Which CAs are trusted: the named ones, those of the environment, or the default; over real TLS."""

import os
import shutil
import ssl
import subprocess

import pytest
import trustme
from touchstone import Issuer

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(scope="module")
def hashed(bundle, tmp_path_factory):
    """A folder of CA certificates as `openssl rehash` makes it."""
    folder = tmp_path_factory.mktemp("hashed")
    command = ["openssl", "x509", "-hash", "-noout", "-in", bundle]
    name = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    shutil.copy(bundle, folder / f"{name}.0")
    return folder


def test_named_ca_is_trusted(health, site, bundle, hashed):
    url = f"https://127.0.0.1:{site().port}"
    context = ssl.create_default_context(cafile=bundle)
    for ca in (bundle, str(bundle), hashed, str(hashed), context):
        assert health(url, ca=ca)["keys"] == 1


@pytest.mark.parametrize("name", VARIABLES)
def test_environment_variable_names_ca(health, site, bundle, hashed, monkeypatch, name):
    monkeypatch.setenv(name, str(hashed if name == "SSL_CERT_DIR" else bundle))
    assert health(f"https://127.0.0.1:{site().port}")["keys"] == 1


def test_ssl_cert_dir_folders_are_combined(health, site, hashed, tmp_path, monkeypatch):
    shutil.copytree(hashed, tmp_path / "one")
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'one'}{os.pathsep}{hashed}")
    assert health(f"https://127.0.0.1:{site().port}")["keys"] == 1


def test_argument_overrides_environment(health, site, bundle, monkeypatch, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    url = f"https://127.0.0.1:{site().port}"
    assert health(url, ca=bundle)["keys"] == 1
    assert health(url)["keys"] == 0


@pytest.mark.parametrize("name", VARIABLES)
def test_variable_without_file_is_reported(health, site, monkeypatch, name):
    monkeypatch.setenv(name, "/no/such/place")
    error = health(f"https://127.0.0.1:{site().port}")["last_error"]
    assert error == f"CertificatesError: {name} names a file that does not exist: /no/such/place"


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("held", ["", "no certificate", "\x30\x82"])
def test_variable_without_certificates_is_reported(health, site, monkeypatch, tmp_path, name, held):
    place = tmp_path / "ca.pem"
    place.write_text(held, "latin-1")
    monkeypatch.setenv(name, str(place))
    error = health(f"https://127.0.0.1:{site().port}")["last_error"]
    assert error == f"CertificatesError: {name} cannot be read as CA certificates: {place} (SSLError)"


def test_plain_http_needs_no_certificates(health, server, response, signer, monkeypatch):
    server.plan(response(200, signer.jwks()))
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/place")
    assert health(server.url)["keys"] == 1


def test_folder_without_hashed_names_is_refused(tmp_path, bundle):
    shutil.copy(bundle, tmp_path)
    with pytest.raises(ValueError, match="openssl rehash"):
        Issuer("https://issuer.example", audience="a", ca=tmp_path)

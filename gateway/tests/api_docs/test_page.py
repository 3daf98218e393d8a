"""The page /docs and its files."""

import re

import pytest
from flask import Flask
from gateway.api_docs import page


@pytest.fixture(scope="module")
def client():
    app = Flask("gateway", static_folder=None)
    app.register_blueprint(page.blueprint())
    return app.test_client()


def test_page_forbids_all_but_own_files(client):
    shown = client.get("/docs")

    assert shown.status_code == 200
    assert shown.headers["Content-Security-Policy"] == page.POLICY
    assert "unsafe" not in page.POLICY
    assert "style=" not in shown.text
    assert re.findall(r"<script(?! src=)", shown.text) == []


def test_files_of_the_page_are_there(client):
    addresses = re.findall(r'(?:href|src)="(/docs/[^"]+)"', client.get("/docs").text)

    answers = {address: client.get(address) for address in addresses}

    assert len(answers) == 4
    assert {a: r.status_code for a, r in answers.items()} == dict.fromkeys(addresses, 200)
    assert {r.mimetype for r in answers.values()} == {"text/css", "text/javascript"}


def test_page_without_script_names_the_document(client):
    hint = re.search(r"<noscript>(.*?)</noscript>", client.get("/docs").text, re.DOTALL)

    assert "/openapi.json" in hint[1]


def test_file_in_the_cache_is_not_sent_again(client):
    etag = client.get("/docs/docs.js").headers["ETag"]

    assert client.get("/docs/docs.js", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpage.py", "LICENSE"])
def test_unknown_file_of_the_page_is_404(client, name):
    assert client.get(f"/docs/{name}").status_code == 404

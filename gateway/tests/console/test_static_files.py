"""The console's files as browsers get them."""

import re

import pytest
from gateway.console.static_files import FOLDER, MEDIA_TYPES, POLICY

FILES = {
    f"/console/{file.relative_to(FOLDER).as_posix()}": file
    for file in FOLDER.rglob("*")
    if file.suffix in MEDIA_TYPES and file.parent != FOLDER
}
# In what the page loads: attributes of HTML, imports of modules.
REFERENCE = re.compile(r"""(?:"(/console/[^"]+\.\w+)"|from "(\./[^"]+|\.\./[^"]+))""")
INLINE = re.compile(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:|https?://")


def test_page_is_served_with_policy(gateway):
    page = gateway.request("GET", "/")

    assert (page.status, page["content-type"]) == (200, "text/html; charset=utf-8")
    assert page["content-security-policy"] == POLICY
    assert page["cache-control"] == "no-cache"
    assert page["x-content-type-options"] == "nosniff"
    assert page.body == (FOLDER / "index.html").read_bytes()


def test_page_has_no_inline_code_or_other_host():
    assert INLINE.findall((FOLDER / "index.html").read_text()) == []


@pytest.mark.parametrize("path", sorted(FILES))
def test_file_is_served_by_media_type(gateway, path):
    response = gateway.request("GET", path)

    assert (response.status, response.body) == (200, FILES[path].read_bytes())
    assert response["content-type"].partition(";")[0] == MEDIA_TYPES[FILES[path].suffix]
    assert response["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/console/js/main.js"])
def test_unchanged_file_is_304(gateway, path):
    first = gateway.request("GET", path)

    again = gateway.request("GET", path, f"If-None-Match: {first['etag']}")
    other = gateway.request("GET", path, 'If-None-Match: "other"')

    assert (again.status, again.body, again["etag"]) == (304, b"", first["etag"])
    assert other.status == 200
    assert gateway.request("HEAD", path)["etag"] == first["etag"]


@pytest.mark.parametrize(
    "path",
    [
        "/console/js/none.js",
        "/console/js/sections",
        "/console/css/index.html",
        "/console/index.html",
        "/console/",
        "/console/js/..%5Cindex.html",
        "/console/js/../index.html",
        "/console/js/%2e%2e/index.html",
        "/console/js/..%2findex.html",
        "/console/js//main.js",
    ],
)
def test_other_path_is_refused(gateway, path):
    assert gateway.request("GET", path).status in {400, 404}


def test_method_that_changes_is_refused(gateway):
    assert gateway.request("POST", "/console/js/main.js", body=b"a").status == 405


def test_each_file_is_used_and_each_used_one_exists():
    used = set()
    for file in (FOLDER / "index.html", *FILES.values()):
        if file.suffix in {".html", ".js"}:
            for absolute, relative in REFERENCE.findall(file.read_text()):
                found = FOLDER / absolute.removeprefix("/console/") if absolute else file.parent / relative
                used.add(found.resolve())

    assert used == set(FILES.values())

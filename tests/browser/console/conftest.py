"""The console of a whole cluster in Chromium: logged in, at two widths, in both colour schemes."""

import pytest
from playwright.sync_api import expect
from testkit.forked_cluster import ForkedCluster

# Each width and each colour scheme once: a picture of a long page takes a second of a core.
VIEWS = {
    f"{width} {scheme}": {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    for width, height, scheme in ((360, 740, "dark"), (1280, 800, "light"))
}


@pytest.fixture(scope="package")
def console_cluster():
    """All services, with the demo accounts. A test that stops one starts it again."""
    with ForkedCluster({"RATE_LIMITS": "off"}) as cluster:
        yield cluster


@pytest.fixture(scope="package")
def shared_cookies():
    """The cookies of a session for each account that no test may end, by email address."""
    return {}


@pytest.fixture
def open_console(console_cluster, open_page, log_in, shared_cookies):
    """`open_console(fragment, email)`: a page with the console, logged in unless `email` is None.

    Tests share a session for each account; one that ends it asks for a `new_session`. Each request of the page must
    go to the gateway.
    """
    foreign, address = [], f"{console_cluster.gateway}/"

    def make(fragment="", email="alice@example.com", *, new_session=False, **options):
        page = open_page(**options)
        page.on("request", lambda sent: None if sent.url.startswith(address) else foreign.append(sent.url))
        if email in shared_cookies and not new_session:
            page.context.add_cookies(shared_cookies[email])
            page.goto(address + fragment)
        elif email is None:
            page.goto(address + fragment)
        else:
            page.goto(f"{address}bff/login?next=/{fragment.replace('#', '%23')}")
            log_in(page, email)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if email is not None:
            expect(page.get_by_role("banner").get_by_role("button", name="Log out")).to_be_visible()
            if not new_session:
                shared_cookies[email] = page.context.cookies()
        return page

    yield make
    assert foreign == []


@pytest.fixture(scope="package")
def axe(npm_packages):
    """The source of axe-core."""
    return (npm_packages / "node_modules/axe-core/axe.min.js").read_text()


@pytest.fixture
def inspect(axe, screenshot):
    """`inspect(page, name)`: in each of VIEWS save a picture and check the page.

    It must fit its width, and axe-core must find nothing serious or critical.
    """

    def check(page, name):
        before = page.viewport_size
        page.evaluate(axe)
        for view, options in VIEWS.items():
            page.set_viewport_size(options["viewport"])
            page.emulate_media(color_scheme=options["color_scheme"])
            screenshot(page, f"{name} {view}".replace(" ", "-"))
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth") is True
            assert severe(page.evaluate("axe.run()")) == []
        page.set_viewport_size(before)
        page.emulate_media(color_scheme="no-override")

    return check


def severe(report):
    """Return the serious and critical findings: rule, what to change, element."""
    return [
        (found["id"], node["failureSummary"], node["html"])
        for found in report["violations"]
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"]
    ]

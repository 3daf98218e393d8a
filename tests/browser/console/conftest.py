"""The console of a whole cluster in Chromium: logged in, at the two widths, in both colour schemes."""

import pytest
from playwright.sync_api import expect
from testkit.forked_cluster import ForkedCluster

VIEWS = {
    f"{width} {scheme}": {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    for width, height in ((360, 740), (1280, 800))
    for scheme in ("light", "dark")
}


@pytest.fixture(scope="package")
def console_cluster():
    """All services, with the demo accounts. A test that stops one starts it again."""
    with ForkedCluster({"RATE_LIMITS": "off"}) as cluster:
        yield cluster


@pytest.fixture(params=VIEWS)
def view(request):
    """The name of a width with a colour scheme, and the options for `open_page`."""
    return request.param, VIEWS[request.param]


@pytest.fixture
def open_console(console_cluster, open_page, log_in):
    """`open_console(hash, email)`: a page with the console, after a log-in unless `email` is None."""

    def make(fragment="", email="alice@example.com", **options):
        page = open_page(**options)
        page.goto(f"{console_cluster.gateway}/")
        if email is not None:
            page.get_by_role("main").get_by_role("link", name="Log in", exact=True).click()
            log_in(page, email)
            expect(page.get_by_role("button", name="Log out").first).to_be_visible()
        if fragment:
            page.goto(f"{console_cluster.gateway}/{fragment}")
        return page

    return make

"""Pages of other origins, opened in a browser that is logged in: they can change nothing, and read nothing.

`localhost` with another port is the same site, so cookies are sent; 127.0.0.1 is another site.
"""

import pytest
from testkit.upstream import Answer, FakeUpstream

HOSTS = {"same site": "127.0.0.1", "another site": "localhost"}
REPORT = "<script>window.results = {}; const say = (name, value) => (results[name] = String(value));</script>"


class ForeignSite(FakeUpstream):
    """Answers each request with the page that a test has set."""

    page = ""

    def answer(self, request):
        return Answer(200, self.page.encode(), {"Content-Type": "text/html"})


@pytest.fixture
def foreign_site():
    with ForeignSite() as site:
        yield site


@pytest.fixture(params=HOSTS)
def open_foreign(request, open_console, foreign_site, console_cluster):
    """`open_foreign(html)`: the page of the foreign site, and the console in another tab; `GATEWAY` stands for its address."""

    def open_both(html):
        console = open_console("#shop")
        foreign_site.page = (
            "<!doctype html><title>Foreign</title>"
            + REPORT
            + html.replace("GATEWAY", console_cluster.gateway)
        )
        page = console.context.new_page()
        page.goto(foreign_site.url.replace("127.0.0.1", HOSTS[request.param]))
        return page, console

    return open_both


def state(console):
    """What a foreign page may not change: orders, name, session."""
    return console.evaluate(
        """async () => {
          const get = async (path) => (await fetch(path, {headers: {"X-Requested-With": "touchstone"}})).json();
          const [orders, me, session] = await Promise.all(["/orders", "/users/me", "/bff/session"].map(get));
          return [orders.items.length, me.name, session.authenticated, session.claims.sid];
        }"""
    )


def unchanged(console, act):
    before = state(console)
    act()
    assert state(console) == before


@pytest.mark.parametrize(
    ("action", "enctype", "field"),
    [
        ("/orders", "text/plain", '{"items": [{"sku": "STONE-BLK", "quantity": 1}], "x": "'),
        ("/bff/logout", "application/x-www-form-urlencoded", "a"),
        ("/logout/all", "application/x-www-form-urlencoded", "a"),
    ],
)
def test_form_changes_nothing(open_foreign, action, enctype, field):
    form = f"""<form method="post" action="GATEWAY{action}" enctype="{enctype}">
      <input type="hidden" name='{field}' value='"}}'><button>Win a prize</button></form>"""
    page, console = open_foreign(form)

    def act():
        with page.expect_response(f"**{action}") as answer:
            page.get_by_role("button").click()
        assert answer.value.status in {401, 403}

    unchanged(console, act)


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
def test_fetch_reads_and_changes_nothing(open_foreign, mode):
    script = """<script>
      const all = ["/bff/session", "/orders", "/users/me", "/account/sessions", "/console/processes"];
      const options = {mode: "MODE", credentials: "include"};
      const tries = [...all.map((path) => [path, options]),
        ["/bff/logout", {...options, method: "POST"}],
        ["/orders", {...options, method: "POST", body: '{"items": [{"sku": "STONE-BLK", "quantity": 1}]}'}],
        ["/orders", {...options, method: "POST", headers: {"X-Requested-With": "touchstone"}, body: "{}"}]];
      Promise.all(tries.map(async ([path, wish]) => {
        try { return (await (await fetch("GATEWAY" + path, wish)).text()).length; } catch (error) { return error.name; }
      })).then((found) => say("found", found));
    </script>""".replace("MODE", mode)
    page, console = open_foreign(script)

    def act():
        page.wait_for_function("results.found")
        assert set(page.evaluate("results.found").split(",")) <= {"TypeError", "0"}

    unchanged(console, act)


def test_images_scripts_and_frames_show_nothing(open_foreign):
    html = """<img src="GATEWAY/bff/session" onload="say('image', 'loaded')" onerror="say('image', 'failed')">
      <script src="GATEWAY/orders" onload="say('script', 'loaded')" onerror="say('script', 'failed')"></script>
      <iframe src="GATEWAY/" onload="say('frame', 'done')"></iframe>
      <iframe src="GATEWAY/bff/login" onload="say('login', 'done')"></iframe>
      <object data="GATEWAY/docs"></object>"""
    page, console = open_foreign(html)

    def act():
        page.wait_for_function("results.image && results.script && results.frame && results.login")
        assert page.evaluate("[results.image, results.script]") == ["failed", "failed"]
        assert [frame.url for frame in page.frames if frame.name or frame.url.startswith("http")][1:] == []

    unchanged(console, act)


def test_opened_window_cannot_be_read(open_foreign):
    page, console = open_foreign("<button onclick=\"window.other = window.open('GATEWAY/')\">Open</button>")

    def act():
        with page.context.expect_page() as opened:
            page.get_by_role("button").click()
        opened.value.wait_for_load_state()
        read = "() => { try { return other.document.title } catch (error) { return error.name } }"
        assert page.evaluate(read) == "SecurityError"

    unchanged(console, act)

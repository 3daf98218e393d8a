"""The way of a request, drawn from the Server-Timing header of a real one."""

from playwright.sync_api import expect


def hops_of(page):
    return page.get_by_role("list", name="The hops in their order").get_by_role("listitem")


def rows_of(hop):
    return dict(
        zip(hop.locator("dt").all_text_contents(), hop.locator("dd").all_text_contents(), strict=True)
    )


def test_order_is_drawn_with_each_hop(open_console, inspect):
    page = open_console("#request", new_session=True)  # for which no token has been exchanged yet

    page.get_by_role("button", name="Place an order").click()

    hops = hops_of(page)
    expect(hops.first).to_be_visible()
    titles = hops.get_by_role("heading").all_text_contents()
    assert titles[:3] == [
        "gateway",
        "orders-service called by gateway",
        "auth-service called by orders-service",
    ]
    assert titles[3] == "users-service called by orders-service"
    gateway, orders, auth, users = (rows_of(hop) for hop in hops.all()[:4])
    assert gateway["Audience"].startswith("orders-service is in aud: auth-service ")
    assert gateway["Scope"].startswith("the route demands orders:write; the token has ")
    assert orders["Issued to"] == "console"
    assert auth["Issued"] == "a token for users-service with the scope profile:read"
    assert users["Audience"] == "users-service is in aud: users-service"
    assert users["Issued to"] == "orders-service, which acts for the user: act is orders-service"
    assert users["Status"] == "not revoked in the status list of the issuer"
    assert all(" of its own" in rows["Time"] for rows in (gateway, orders, auth, users))
    picture = page.get_by_role("img", name="The way of POST /orders")
    expect(picture).to_be_visible()
    inspect(page, "request")
    page.set_viewport_size({"width": 360, "height": 740})
    expect(picture).to_be_hidden()
    expect(hops.nth(3)).to_be_visible()


def test_second_order_needs_no_exchange_by_keyboard(open_console):
    page = open_console("#request")
    page.get_by_role("button", name="Place an order").click()
    expect(hops_of(page).first).to_be_visible()
    page.keyboard.press("Enter")

    expect(page.get_by_text("No token was exchanged this time")).to_be_visible()
    headings = hops_of(page).get_by_role("heading").all_text_contents()
    assert headings == [
        "gateway",
        "orders-service called by gateway",
        "users-service called by orders-service",
    ]
    expect(page.locator("#announcer")).to_contain_text("POST /orders was answered 201")


def test_each_kind_of_request_by_keyboard(open_console):
    page = open_console("#request")
    first = page.get_by_role("button", name="Place an order")
    first.focus()
    for title, service in (("List my orders", "orders-service"), ("Read my profile", "users-service")):
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=title)).to_have_attribute("aria-pressed", "true")
        expect(hops_of(page).nth(1).get_by_role("heading")).to_have_text(f"{service} called by gateway")
        expect(hops_of(page).nth(0)).to_contain_text(f"{service} is in aud")


def test_public_route_shows_no_token(open_console):
    page = open_console("#request")
    page.get_by_role("button", name="List the products").click()

    expect(hops_of(page)).to_have_count(2)
    assert rows_of(hops_of(page).nth(0))["Token"] == "none: this route is public"
    assert rows_of(hops_of(page).nth(1))["Token"] == "none was verified"


def test_without_server_timing_page_says_how_to_get_it(open_console):
    page = open_console("#request")

    def without(route):
        response = route.fetch()
        headers = {name: value for name, value in response.headers.items() if name != "server-timing"}
        route.fulfill(response=response, headers=headers)

    page.route("**/users/me", without)
    page.get_by_role("button", name="Read my profile").click()

    expect(page.get_by_text("SERVER_TIMING=on")).to_be_visible()
    expect(page.get_by_text("GET /users/me was answered 200").first).to_be_visible()


def test_failed_request_shows_its_reason(open_console):
    page = open_console("#request")
    problem = {"title": "x", "detail": "users-service does not answer."}
    page.route("**/users/me", lambda route: route.fulfill(status=504, json=problem))
    page.get_by_role("button", name="Read my profile").click()

    expect(page.get_by_role("alert")).to_contain_text("users-service does not answer.")


def test_token_of_another_audience_is_not_called_own(open_console):
    """auth-service gives an account's name for a token of any audience."""
    page = open_console("#request")
    facts = "aud=users-service scope=profile:read client_id=orders-service act=orders-service status=checked"
    timing = f'upstream;dur=9, users-service.app;dur=8, users-service.auth-service;dur=3, users-service.auth-service.app;dur=2;desc="{facts}", total;dur=10'
    page.route("**/users/me", lambda route: route.fulfill(json={}, headers={"Server-Timing": timing}))
    page.get_by_role("button", name="Read my profile").click()

    rows = rows_of(hops_of(page).nth(2))
    assert rows["Audience"] == "users-service, which is one that the issuer knows"
    assert rows["Time"] == "2.00 ms of its own, 2.00 ms in all, 3.00 ms as its caller saw it"
    assert "Signature" not in rows

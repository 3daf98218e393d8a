"""The shop of the console."""

from playwright.sync_api import expect

GOLD, STONE = "Quantity of Gold leaf, 25 sheets", "Quantity of Touchstone, black basanite"


def order_button(page):
    return page.get_by_role("button", name="Order", exact=True)


def thanks(page):
    return page.get_by_role("status").filter(has_text="Thank you")


def own_orders(page):
    """The rows of the orders, the newest first, without the head."""
    return (
        page.get_by_role("region", name="My orders").get_by_role("row").filter(has=page.get_by_role("cell"))
    )


def test_shop_shows_products_without_log_in(open_console):
    page = open_console("#shop", email=None)

    expect(page.get_by_role("heading", name="Gold leaf, 25 sheets")).to_be_visible()
    expect(page.get_by_text("€49.90")).to_be_visible()
    expect(page.get_by_role("link", name="Log in to order")).to_be_visible()


def test_double_click_orders_once(open_console, inspect):
    page = open_console("#shop")
    sent = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.get_by_label(GOLD).fill("2")
    page.get_by_label(STONE).fill("1")
    expect(page.get_by_text("3 pieces, €124.80")).to_be_visible()

    order_button(page).dblclick()

    expect(thanks(page)).to_contain_text("€124.80 in total")
    expect(own_orders(page).first).to_contain_text("2 \N{MULTIPLICATION SIGN} Gold leaf")
    assert len({request.headers["idempotency-key"] for request in sent}) == len(sent) == 1
    inspect(page, "shop")


def test_order_and_cancel_by_keyboard(open_console, inspect):
    page = open_console("#shop", email="bob@example.com")
    page.get_by_label(STONE).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(thanks(page)).to_contain_text("€25.00 in total")
    newest = own_orders(page).first
    number = thanks(page).get_by_role("code").inner_text()
    expect(newest).to_contain_text(number[:8])
    newest.get_by_role("button", name="Cancel").focus()

    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Cancel this order?")).to_be_visible()
    inspect(page, "shop-dialog")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(newest).to_contain_text("placed")
    newest.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel the order").focus()
    page.keyboard.press("Enter")

    expect(newest).to_contain_text("cancelled")
    expect(newest.get_by_role("button")).to_have_count(0)


def test_order_of_nothing_is_explained(open_console):
    page = open_console("#shop")
    order_button(page).click()

    expect(page.get_by_text("Choose the quantity of a product first.")).to_be_visible()
    expect(page.get_by_label("Quantity of Assay kit, five acids")).to_be_focused()


def test_failed_order_keeps_key(open_console):
    """Perhaps it was placed, and only the answer was lost: the second try must not place another one."""
    page = open_console("#shop")
    keys = []

    def fail_once(route):
        if route.request.method != "POST":
            route.fallback()
            return
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.fulfill(status=503, json={"detail": "The answer is lost."}, headers={"Retry-After": "1"})
        else:
            route.fallback()

    page.route("**/orders", fail_once)
    page.get_by_label(GOLD).fill("7")
    order_button(page).click()
    expect(page.get_by_text("Not ordered. The answer is lost. Please try again in 1 second.")).to_be_visible()

    order_button(page).click()

    expect(thanks(page)).to_be_visible()
    assert len(keys) == 2
    assert len(set(keys)) == 1
    expect(own_orders(page).filter(has_text="7 \N{MULTIPLICATION SIGN} Gold leaf")).to_have_count(1)

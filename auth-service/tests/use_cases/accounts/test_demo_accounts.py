"""Demo accounts."""

from auth_service.use_cases.accounts.demo_accounts import DEMO_ACCOUNTS, DemoAccounts


def test_demo_accounts_are_added_once(rules, log_in):
    seed = DemoAccounts(rules.store, rules.hasher, rules.clock)

    assert [seed(DEMO_ACCOUNTS, "password") for _ in range(2)] == [3, 0]
    assert "admin" in log_in("admin@example.com").scope.split()
    with rules.store.reading() as tx:
        assert tx.accounts.find_by_email("alice@example.com").email_verified_at is not None

"""Good and forged tokens, fake clocks, fake issuers, faulty proxies: for tests only."""

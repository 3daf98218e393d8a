"""Token signers, forged tokens, fake clocks, issuers and upstreams, faulty proxies: for tests only."""

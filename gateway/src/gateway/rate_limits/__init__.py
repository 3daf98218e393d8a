"""Rate limits in moving windows, counted in memory or, for several gateways together, in Valkey."""

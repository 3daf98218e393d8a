"""Records, rules and ports, in plain Python."""

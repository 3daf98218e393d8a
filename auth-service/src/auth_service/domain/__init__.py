"""Records, ports and rules: plain Python without web framework, database or token library."""

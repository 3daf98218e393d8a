"""The only place that signs: where keys live, the ring that knows their states, and what checks signatures."""

"""The only place that signs: keys as PEM files, the ring that holds them parsed, and what checks signatures."""

"""Access log, metrics, Server-Timing and traces."""

"""Security events and the streams that deliver them (SSF 1.0, CAEP 1.0)."""

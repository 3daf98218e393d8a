"""Security events: queueing, push and poll delivery, stream management (SSF 1.0)."""

"""The end of sessions, and the sessions of one account."""

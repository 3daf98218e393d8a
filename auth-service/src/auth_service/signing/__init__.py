"""Signing keys, and everything that is signed or verified with them."""

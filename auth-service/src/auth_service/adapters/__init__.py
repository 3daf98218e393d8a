"""Implementations of ports that are neither storage nor signing: hashes, mail, client files, push client."""

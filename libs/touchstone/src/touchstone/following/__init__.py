"""Keeps an issuer's documents recent: everything in touchstone that does I/O."""

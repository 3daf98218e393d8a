"""Accounts, passwords, mailed one-time tokens."""

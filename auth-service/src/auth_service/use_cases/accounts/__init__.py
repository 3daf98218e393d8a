"""Log-in, registration, passwords and mailed links."""

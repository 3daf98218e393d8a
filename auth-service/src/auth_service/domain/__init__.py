"""The rules of the mint: plain Python that knows no web framework, no database and no token library."""

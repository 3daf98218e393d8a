"""The rules of profiles: plain Python, no framework, no database."""

"""Verify RS256 access tokens locally, in any Flask API, with revocation."""

"""Routes for the issuer's public documents."""

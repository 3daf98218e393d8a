"""How a bearer token is sent and refused over HTTP (RFC 6750, RFC 9457), for any framework."""

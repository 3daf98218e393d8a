"""Products and orders over HTTP: parse, call the domain, answer."""

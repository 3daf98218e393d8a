"""Which route a request takes: paths in canonical form, routes and upstreams as data."""

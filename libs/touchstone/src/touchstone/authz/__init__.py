"""External authorization: a process that tells a proxy whether the bearer token of a request suffices."""

"""Products and orders: a resource server that calls another on the user's behalf."""

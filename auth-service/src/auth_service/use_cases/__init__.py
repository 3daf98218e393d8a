"""Use cases: one module an endpoint or grant. They open transactions and import the domain alone."""

"""Event streams and their queues in the database."""

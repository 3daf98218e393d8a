"""The rules of products and orders: plain Python, no framework, no database."""

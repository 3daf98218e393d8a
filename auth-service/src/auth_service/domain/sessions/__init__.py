"""Sessions, browser sessions and token status lists."""

"""How a service is started, served and stopped."""

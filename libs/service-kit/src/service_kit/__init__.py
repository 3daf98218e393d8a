"""The chassis of Touchstone's services: settings, problems, logs, health, metrics, clients, databases."""

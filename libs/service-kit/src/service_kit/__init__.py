"""What Touchstone's services share: settings, problems, logs, health, metrics, HTTP clients, databases."""

"""Alerts: from the outbox to a destination, as embeds or as text."""

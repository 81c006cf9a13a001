"""Surroundings of the service: its container, and the proof that it runs there."""

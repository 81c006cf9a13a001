"""Configuration: settings, logs, clock, version."""

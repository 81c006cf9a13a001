"""Verdicts: rules of alerts, second look, components, summary, replay from evidence."""

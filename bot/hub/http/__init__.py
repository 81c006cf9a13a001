"""Bounded HTTP requests: hosts, rates, deadlines, sizes, errors."""

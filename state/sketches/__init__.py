"""Sketches of known models on disk."""

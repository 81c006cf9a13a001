"""Uploads as the feeds bring them: listings, events, counts."""
